#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/spelling.h"
#include "proxy/codec/http1/fault.h"

// Values of the fields that frame and route a message, white space around them removed.

namespace oxbow::http1 {

// Takes the next element of a comma-separated list (RFC 9110, section 5.6.1), without the white
// space around it, possibly empty. False when the list is used up; "a," has two elements.
class ListElements {
 public:
  explicit ListElements(std::string_view list) : rest_(list) {}
  bool next(std::string_view& element);

 private:
  std::string_view rest_;
  bool atEnd_ = false;
};

// Digits only, at most 2^63 - 1 (RFC 9110, section 8.6).
bool parseContentLength(std::string_view value, uint64_t& length);

// Null when the value is exactly `chunked`. Other codings are refused: as unknown when they are a
// list of names in which `chunked` comes at most once, last, behind others; else as malformed.
const Fault* checkTransferEncoding(std::string_view value);

// What Connection says about the connection itself (RFC 9112, section 9.3).
struct ConnectionOptions {
  static constexpr int kMax = 100;  // in one head: each can cost a search through the fields

  bool close = false;
  bool keepAlive = false;
  int count = 0;

  // Null, or why the line is refused.
  const Fault* add(std::string_view value) {
    if (!http::spells(value, "keep-alive")) return addList(value);
    keepAlive = true;  // by far the most frequent
    return nullptr;
  }

 private:
  const Fault* addList(std::string_view value);
};

// uri-host with an optional port (RFC 9110, section 7.2), not empty, without user information and
// without commas, which a reg-name could have. Bytes from `begin` to the value's end can be read.
bool isAuthority(std::string_view value, const char* begin);

}  // namespace oxbow::http1
