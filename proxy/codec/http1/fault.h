#pragma once

#include <cstdint>

#include "proxy/codec/http1/parser.h"

// Why a head is refused, and how the steps of a parser tell each other.

namespace oxbow::http1 {

enum class FaultKind : uint8_t { Malformed, TooLarge, TransferCoding };

// One reason to refuse a message: static, told by its address.
struct Fault {
  uint16_t httpStatus;  // the answer when it is a request
  const char* detail;
  FaultKind kind = FaultKind::Malformed;
};

// How far a step came: to `next`, or to a fault; with neither it needs more bytes.
struct Progress {
  const char* next = nullptr;
  const Fault* fault = nullptr;
};

// The result of a request head or a trailer section that is not done.
[[gnu::cold]] ParseResult refuse(const Fault& fault);
inline ParseResult resultOf(const Progress& progress) {
  return progress.fault != nullptr ? refuse(*progress.fault) : ParseResult{};
}

// Request line (RFC 9112, section 3).
inline constexpr Fault kTooManyEmptyLines{400, "empty lines before the request"};
inline constexpr Fault kBareCrBeforeLine{400, "bare CR before the request"};
inline constexpr Fault kLineTooLong{414, "request line too long", FaultKind::TooLarge};
inline constexpr Fault kBadMethod{400, "malformed method"};
inline constexpr Fault kMethodTooLong{501, "method too long"};
inline constexpr Fault kMethodNotAllowed{405, "method not allowed"};
inline constexpr Fault kBadTarget{400, "malformed request target"};
inline constexpr Fault kBadAuthority{400, "malformed authority in the request target"};
inline constexpr Fault kAsteriskTarget{400, "asterisk target of a method other than OPTIONS"};
inline constexpr Fault kNoVersion{400, "request line without a version"};
inline constexpr Fault kBadVersion{400, "malformed HTTP version"};
inline constexpr Fault kVersionNotSupported{505, "HTTP version not supported"};

// Status line (RFC 9112, section 4).
inline constexpr Fault kBadStatusVersion{0, "status line without HTTP/1.0 or HTTP/1.1"};
inline constexpr Fault kBadStatus{0, "malformed status code"};
inline constexpr Fault kBadReason{0, "control in the reason phrase"};
inline constexpr Fault kStatusLineTooLong{0, "status line too long", FaultKind::TooLarge};

// Field lines (RFC 9112, section 5).
inline constexpr Fault kFieldsTooLarge{431, "field lines too large", FaultKind::TooLarge};
inline constexpr Fault kTooManyFields{431, "too many field lines", FaultKind::TooLarge};
inline constexpr Fault kNameTooLong{431, "field name too long", FaultKind::TooLarge};
inline constexpr Fault kFolding{400, "white space before a field name"};  // also obsolete folding
inline constexpr Fault kEmptyName{400, "empty field name"};
inline constexpr Fault kSpaceBeforeColon{400, "white space before the colon"};
inline constexpr Fault kBadName{400, "malformed field name"};
inline constexpr Fault kBadValue{400, "control in a field value"};
inline constexpr Fault kBareCr{400, "bare CR"};
inline constexpr Fault kBareLf{400, "bare LF"};

// Framing and routing (RFC 9112, sections 3.2 and 6; RFC 9110, section 10.1.1).
inline constexpr Fault kNoHost{400, "no Host"};
inline constexpr Fault kTwoHosts{400, "more than one Host"};
inline constexpr Fault kBadHost{400, "malformed Host"};
inline constexpr Fault kTwoLengths{400, "more than one Content-Length"};
inline constexpr Fault kBadLength{400, "malformed Content-Length"};
inline constexpr Fault kLengthAndCoding{400, "Content-Length with Transfer-Encoding"};
inline constexpr Fault kTwoCodings{400, "more than one Transfer-Encoding",
                                   FaultKind::TransferCoding};
inline constexpr Fault kBadCoding{400, "malformed Transfer-Encoding", FaultKind::TransferCoding};
inline constexpr Fault kUnknownCoding{501, "transfer coding not supported",
                                      FaultKind::TransferCoding};
inline constexpr Fault kCodingIn10{400, "Transfer-Encoding in HTTP/1.0"};
inline constexpr Fault kTooManyOptions{431, "too many options in Connection", FaultKind::TooLarge};
inline constexpr Fault kUnknownExpectation{417, "unknown expectation"};

}  // namespace oxbow::http1
