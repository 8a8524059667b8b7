#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/codec/http/field_writer.h"
#include "proxy/config/config.h"

namespace oxbow::session {

// The fields that every plain request of one client gets, X-Forwarded-For, X-Forwarded-Proto and
// Via, made once and kept for the addresses seen last: a copy instead of three constructions. Bounded;
// one per listener and worker.
class ForwardedLines {
 public:
  explicit ForwardedLines(const config::Listener& listener);

  // The lines for a client; valid until the next call.
  const http::FieldBlock& of(std::string_view clientIp);

 private:
  static constexpr size_t kEntries = 64;
  struct Entry {
    char client[48];
    size_t clientSize = 0;  // 0: not made yet
    char bytes[512];
    http::Field fields[3];
    http::FieldBlock block;
  };

  void make(Entry& entry, std::string_view clientIp) const;

  const bool for_;
  const bool proto_;
  const std::string via_;  // empty: none
  std::unique_ptr<std::array<Entry, kEntries>> entries_;
};

}  // namespace oxbow::session
