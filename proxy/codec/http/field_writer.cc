#include "proxy/codec/http/field_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "proxy/codec/http/name_lookup.h"
#include "proxy/codec/http/scan.h"

namespace oxbow::http {

namespace {

constexpr size_t kColonAndEnd = 4;  // ": " and CRLF

bool isName(Input input, const char* name, size_t size) {
  const char* end = name + size;
  const char* at = skip<WordBytes>(name, {input.begin, end});
  while (at != end && isIn(kTokenClass, *at)) ++at;
  return at == end && size > 0 && size <= kMaxFieldName;
}

}  // namespace

FieldWriter::FieldWriter(char* bytes, size_t byteCapacity, Field* fields, size_t fieldCapacity)
    : bytes_(bytes),
      byteCapacity_(std::min(byteCapacity, kMaxHeadBytes)),
      fieldCapacity_(std::min<size_t>(fieldCapacity, std::numeric_limits<uint16_t>::max())) {
  block_.base = bytes;
  block_.fields = fields;
}

bool FieldWriter::add(std::string_view name, std::string_view value) {
  const size_t room = byteCapacity_ - block_.end;
  if (block_.count == fieldCapacity_ || value.size() > room) return false;
  if (name.size() + kColonAndEnd > room - value.size()) return false;
  char* const line = bytes_ + block_.end;
  char* const text = line + name.size() + 2;
  if (!name.empty()) std::memcpy(line, name.data(), name.size());
  std::memcpy(text - 2, ": ", 2);
  if (!value.empty()) std::memcpy(text, value.data(), value.size());
  std::memcpy(text + value.size(), "\r\n", 2);
  // Checked where it was put, as scans like to have bytes before what they look at.
  const Input input{bytes_, text + value.size()};
  if (!isName(input, line, name.size()) || skipValue(text, input) != input.end) return false;
  const Name id = lookUpName(line, name.size());
  block_.fields[block_.count++] = Field{block_.end, static_cast<uint64_t>(text - bytes_),
                                        value.size(), name.size(), static_cast<uint64_t>(id)};
  block_.seen |= bitOf(id);
  block_.end = static_cast<uint16_t>(text + value.size() + 2 - bytes_);
  return true;
}

void FieldWriter::clear() {
  block_.count = 0;
  block_.end = 0;
  block_.seen = 0;
}

}  // namespace oxbow::http
