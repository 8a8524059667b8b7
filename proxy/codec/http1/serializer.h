#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/codec/http/message_head.h"

// Heads of HTTP/1.1 messages in wire form. Undropped neighbouring lines are copied as one run.
// Received Connection and Transfer-Encoding lines are never copied: they told of another hop.
// Those of `added` are written as they are, all of them: none is dropped.

namespace oxbow::http1 {

// What the connection decides, not the message: written in place of the hop-by-hop fields.
enum class ConnectionOption : uint8_t { Nothing, Close, KeepAlive };

constexpr size_t kMostMore = 128;

// How the body is framed on this hop.
struct Framing {
  http::BodyKind body = http::BodyKind::None;
  // Write Content-Length: contentLength (received ones are dropped). Not with BodyKind::Chunked.
  bool writeLength = false;
  uint64_t contentLength = 0;
  ConnectionOption connection = ConnectionOption::Nothing;
  std::string_view date;  // of responses: the whole line, for one that came without; or empty
  std::string_view more;  // of responses: further lines as they are, kMostMore bytes at most
};

// An upper bound of what write…Head needs.
size_t requestHeadBound(const http::RequestHead& head, size_t targetBytes, size_t authorityBytes);
size_t responseHeadBound(const http::ResponseHead& head);

// Writes "METHOD target HTTP/1.1", Host, the received fields, the added ones, Content-Length or
// Transfer-Encoding, Connection, and the empty line; returns the end. `target` replaces head.target
// (prefix rewriting). `authority` is written as Host at the place of the received Host line, or
// first when there was none; when it equals the received one that line is copied as it is. An empty
// one is written too, since HTTP/1.1 wants the line (RFC 9110, section 7.2).
// Received Content-Length lines are copied when framing.body is Length and writeLength is false.
char* writeRequestHead(char* out, const http::RequestHead& head, std::string_view target,
                       std::string_view authority, const Framing& framing);

// Writes "HTTP/1.1 status reason" and the rest likewise, the date and what is more behind the
// fields. A missing reason becomes the standard one. The Content-Length of an answer to HEAD, or of
// a 304, is kept with BodyKind::Length.
char* writeResponseHead(char* out, const http::ResponseHead& head, const Framing& framing);

// Writes trailer lines and the empty line that ends a chunked body (behind "0 CRLF").
char* writeTrailers(char* out, const http::FieldBlock& trailers);

// The standard reason phrase (RFC 9110, section 15), or empty.
std::string_view reasonOf(uint16_t status);

}  // namespace oxbow::http1
