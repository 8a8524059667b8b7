#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/codec/http1/parser.h"

// What the codec's tests share.

namespace oxbow::http1 {

// Bytes in a block of exactly their size, so that a sanitizer sees every read beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_;
};

struct ParsedRequest {
  explicit ParsedRequest(std::string_view text, const HeadLimits& limits = {})
      : bytes(text), result(parseRequestHead(bytes.view(), limits, fields, head)) {}

  http::Field fields[kMaxFields];
  ExactBytes bytes;
  http::RequestHead head;
  ParseResult result;
};

struct ParsedResponse {
  explicit ParsedResponse(std::string_view text, http::Method method = http::Method::Get,
                          const HeadLimits& limits = {})
      : bytes(text), result(parseResponseHead(bytes.view(), method, limits, fields, head)) {}

  http::Field fields[kMaxFields];
  ExactBytes bytes;
  http::ResponseHead head;
  ParseResult result;
};

struct ParsedTrailers {
  explicit ParsedTrailers(std::string_view text, const HeadLimits& limits = {})
      : bytes(text), result(parseTrailers(bytes.view(), limits, fields, block)) {}

  http::Field fields[kMaxFields];
  ExactBytes bytes;
  http::FieldBlock block;
  ParseResult result;
};

// "Name=value;" of each line that is not dropped, in order.
inline std::string textOf(const http::FieldBlock& block) {
  std::string text;
  for (const http::Field* field = block.begin(); field != block.end_(); ++field) {
    if (field->dropped()) continue;
    text.append(block.nameAt(*field)).append("=").append(block.valueAt(*field)).append(";");
  }
  return text;
}

// A request with `fields` (whole lines) behind its Host.
inline std::string requestWith(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
inline std::string responseWith(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}

inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      out.push_back(c);
    else
      out.append("\\x")
          .append(1, "0123456789abcdef"[byte >> 4])
          .append(1, "0123456789abcdef"[byte & 15]);
  }
  return out;
}

}  // namespace oxbow::http1
