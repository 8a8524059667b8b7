#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/field.h"

// The head of a message, independent of the protocol that carried it. Everything is a slice of a
// buffer that somebody else keeps; a head is copied by rebasing its slices.

namespace oxbow::http {

enum class Method : uint8_t { Other, Get, Head, Post, Put, Delete, Options, Patch, Connect, Trace };

// RFC 9110, section 9.2.2. Unknown methods are not idempotent.
bool isIdempotent(Method method);

enum class Version : uint8_t { Http10, Http11, Http2 };

// How the end of the body is told (RFC 9112, section 6.3).
enum class BodyKind : uint8_t {
  None,        // there is no body
  Length,      // contentLength bytes
  Chunked,     // chunked coding; HTTP/2: until END_STREAM, length unknown
  UntilClose,  // responses only: until the connection ends
};

struct RequestHead {
  Method method = Method::Other;
  Version version = Version::Http11;
  BodyKind body = BodyKind::None;
  bool keepAlive = true;  // the client wants the connection to stay (RFC 9112, 9.3)
  bool expectContinue = false;
  uint16_t underscoreNames = 0;  // lines dropped because their name has an underscore
  uint64_t contentLength = 0;
  std::string_view methodText;
  std::string_view target;     // origin-form as it came, or "*" of OPTIONS: path and query
  std::string_view path;       // the target up to '?'
  std::string_view authority;  // of the absolute-form target, else Host; empty when there is none
  bool absoluteForm = false;   // then `authority` wins and Host is rewritten (RFC 9112, 3.2.2)
  bool dotSegments = false;    // the path has "." or ".." segments, also percent-encoded
  FieldBlock fields;           // as received
  FieldBlock added;            // by us; written behind them
};

struct ResponseHead {
  uint16_t status = 0;
  Version version = Version::Http11;
  BodyKind body = BodyKind::None;
  bool keepAlive = true;       // the server lets the connection stay
  uint64_t contentLength = 0;  // with BodyKind::Length; also of HEAD and 304 when told
  bool hasContentLength = false;
  std::string_view reason;
  FieldBlock fields;
  FieldBlock added;
};

}  // namespace oxbow::http
