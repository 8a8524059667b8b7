#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/message_head.h"

// Heads of HTTP/1.0 and HTTP/1.1 messages, parsed in place (RFC 9112). Strict: what two
// implementations could read differently is refused. Stateless: on NeedMore call again with the
// same bytes and what came behind them.

namespace oxbow::http1 {

class SectionMemo;

struct HeadLimits {
  uint32_t startLine = 8192;     // bytes of the request line with its CRLF: else 414
  uint32_t fieldBytes = 32768;   // bytes of all field lines: else 431 (responses: an error)
  uint16_t fieldCount = 100;     // lines: else 431
  bool keepUnderscores = false;  // else lines whose name has '_' are dropped and counted
};

constexpr uint16_t kMaxFields = 256;  // room that callers provide; fieldCount is at most this

enum class ParseStatus : uint8_t { Done, NeedMore, Error };

struct ParseResult {
  ParseStatus status = ParseStatus::NeedMore;
  uint32_t consumed = 0;    // Done: bytes of the head, with leading empty lines and the last CRLF
  uint16_t httpStatus = 0;  // Error in a request: 400, 405, 414, 417, 431, 501, 505
  bool tooLarge = false;    // Error: a line, a name or the section is over a limit
  bool transferCoding = false;  // Error: because of the value of Transfer-Encoding
  const char* detail = "";      // Error: static text that says what is wrong
};

// Parses one request head at the front of `bytes`. `storage` has room for kMaxFields; when Done,
// `head` points into both, head.fields.base at the first field line, and head.added is empty;
// otherwise it means nothing. The target "/" or "*" of an absolute-form without a path is static;
// with a query behind it there is a part of a target, for completeTarget().
// At most two leading empty lines are skipped; a lone CR LF prefix is NeedMore.
// An error is found as early as the bytes allow, an incomplete last line included, and no bytes
// that follow change it. Content-Length: 0 is BodyKind::Length too. 501 and 417 wait for the end of
// the head, so that a message that is malformed as well gets 400.
// `memo`, which may be null, changes nothing but the time that it takes.
ParseResult parseRequestHead(std::string_view bytes, const HeadLimits& limits, http::Field* storage,
                             http::RequestHead& head, SectionMemo* memo = nullptr);

// A target that begins with '?' lacks the slash that is its path (RFC 9112, section 3.2.1). Puts it
// there: the authority moves by a byte, over the last slash of the scheme. REQUIRES: a parsed head
// whose bytes may be written; `authority` is where head.authority is.
void completeTarget(http::RequestHead& head, char* authority);

// What a head that is refused or incomplete tells all the same: sets method, version and target,
// when the request line is complete and right; else `head` means nothing.
bool parseRequestLine(std::string_view bytes, const HeadLimits& limits, http::RequestHead& head);

// Parses one response head; `forMethod` is that of the request (HEAD and 2xx of CONNECT have no
// body). 1xx, 204 and 304 have none either (RFC 9112, section 6.3): their lengths are told, not
// used. 101 is like other 1xx here; whether it was asked for is the caller's to know. An error has
// no httpStatus. Names with an underscore stay.
ParseResult parseResponseHead(std::string_view bytes, http::Method forMethod,
                              const HeadLimits& limits, http::Field* storage,
                              http::ResponseHead& head, SectionMemo* memo = nullptr);

// Parses the trailer section behind the last chunk, up to and with the empty line. Lines that may
// not stand in trailers (RFC 9110, section 6.5.1) are dropped, those with an underscore in their
// name unless limits.keepUnderscores.
ParseResult parseTrailers(std::string_view bytes, const HeadLimits& limits, http::Field* storage,
                          http::FieldBlock& trailers);

// Drops what belongs to one hop (RFC 9110, section 7.6.1): Connection and what it names, except
// fields that must not be removed that way, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding,
// Upgrade. Trailer stays, since trailers are forwarded; so do Proxy-Authorization and
// Proxy-Authenticate.
void dropHopByHop(http::FieldBlock& fields);

// Drops what one Connection value names, but fields that must not be removed that way: every Name
// of ours except Other and Trailer, and what else controls a message (isControlField).
void dropNamed(http::FieldBlock& fields, std::string_view connection);

}  // namespace oxbow::http1
