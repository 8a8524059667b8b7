#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/random.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/config/config.h"

namespace oxbow::session {

// Makes a request id: 32 random digits of lower-case hexadecimal.
constexpr size_t kRequestIdSize = 32;
void writeRequestId(char* out, Random& random);

// The fields that every plain request of one client to one host gets: X-Request-ID (always the
// first), X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Via. Made once and kept for the
// pairs seen last, so that a request costs a copy and a fresh id instead of five constructions.
// Bounded; one per listener and worker.
class ForwardedLines {
 public:
  explicit ForwardedLines(const config::Listener& listener);

  static constexpr size_t kMaxAuthority = 128;  // longer ones are made without this

  // The lines with an id of their own; valid until the next call. `secure`: over TLS. REQUIRES:
  // neither is empty, and `authority` is no longer than kMaxAuthority.
  const http::FieldBlock& of(std::string_view clientIp, std::string_view authority, bool secure,
                             Random& random);

 private:
  static constexpr size_t kEntries = 64;
  static constexpr size_t kLines = 5;
  struct Entry {
    char client[48];
    char authority[kMaxAuthority];
    size_t clientSize = 0;  // 0: not made yet
    size_t authoritySize = 0;
    bool secure = false;
    char bytes[768];
    http::Field fields[kLines];
    http::FieldBlock block;
    char* id = nullptr;  // where the id stands in `bytes`
  };

  void make(Entry& entry, std::string_view clientIp, std::string_view authority, bool secure) const;

  const bool for_;
  const bool proto_;
  const bool host_;
  const std::string via_;  // empty: none
  std::unique_ptr<std::array<Entry, kEntries>> entries_;
};

}  // namespace oxbow::session
