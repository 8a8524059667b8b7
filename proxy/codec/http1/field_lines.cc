#include "proxy/codec/http1/field_lines.h"

#include <cstring>

namespace oxbow::http1 {

using http::Input;

namespace {

const Fault& faultOfNameEnd(char byte, bool empty) {
  if (byte == '\n') return kBareLf;
  if (http::isOws(byte)) return empty ? kFolding : kSpaceBeforeColon;
  return byte == ':' ? kEmptyName : kBadName;
}

// The colon of the line.
Progress findColon(Input input, const char* line) {
  const char* at = http::skip<http::WordBytes>(line, input);
  while (at != input.end && http::isIn(http::kTokenClass, *at)) ++at;
  const auto size = static_cast<size_t>(at - line);
  // Before the byte that ends it: a longer input must not be judged differently.
  if (size > http::kMaxFieldName) return {nullptr, &kNameTooLong};
  if (at == input.end) return {};
  if (*at != ':' || size == 0) return {nullptr, &faultOfNameEnd(*at, size == 0)};
  return {at};
}

// Behind the line whose value ends at `valueEnd`.
Progress endLine(Input input, const char* valueEnd) {
  if (valueEnd == input.end) return {};
  if (*valueEnd != '\r') return {nullptr, *valueEnd == '\n' ? &kBareLf : &kBadValue};
  if (valueEnd + 1 == input.end) return {};
  return valueEnd[1] == '\n' ? Progress{valueEnd + 2} : Progress{nullptr, &kBareCr};
}

}  // namespace

Progress readAnyLine(Input input, const char* line, FieldLine& parts, bool& underscore) {
  Progress progress = findColon(input, line);
  if (progress.next == nullptr) return progress;
  const char* colon = progress.next;
  const char* valueEnd = http::skipValue(colon + 1, input);
  progress = endLine(input, valueEnd);
  if (progress.next == nullptr) return progress;
  const std::string_view value = withoutOws(colon + 1, valueEnd);
  parts = {colon, value.data(), value.data() + value.size(), progress.next};
  if (std::memchr(line, '_', static_cast<size_t>(colon - line)) != nullptr) underscore = true;
  return progress;
}

uint16_t dropUnderscoreNames(http::FieldBlock& block) {
  uint16_t dropped = 0;
  for (http::Field* field = block.begin(); field != block.end_(); ++field) {
    if (block.nameAt(*field).find('_') == std::string_view::npos) continue;
    block.drop(*field);
    ++dropped;
  }
  return dropped;
}

std::string_view withoutOws(const char* begin, const char* end) {
  while (begin != end && http::isOws(*begin)) ++begin;
  while (begin != end && http::isOws(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

ParseResult refuse(const Fault& fault) {
  ParseResult result;
  result.status = ParseStatus::Error;
  result.httpStatus = fault.httpStatus;
  result.detail = fault.detail;
  result.tooLarge = fault.kind == FaultKind::TooLarge;
  result.transferCoding = fault.kind == FaultKind::TransferCoding;
  return result;
}

}  // namespace oxbow::http1
