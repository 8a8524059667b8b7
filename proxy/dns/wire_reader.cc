#include "proxy/dns/wire_reader.h"

namespace oxbow::dns {

namespace {

// RFC 1035, section 2.3.4.
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxName = 255;
// As many as a name has labels: more is no compression, but work for the reader.
constexpr int kMaxPointers = 127;

constexpr uint8_t kPointer = 0xc0;  // section 4.1.4; 0x40 and 0x80 are reserved

bool isDigit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

void appendLabel(std::string& name, std::string_view label) {
  name += static_cast<char>(label.size());
  for (const char c : label) name += lower(c);
}

bool isHostLabel(std::string_view label) {
  for (const char c : label)
    if (!isDigit(c) && (c < 'a' || c > 'z') && c != '-' && c != '_') return false;
  return true;
}

}  // namespace

std::string wireName(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabel || dot == text.size() - 1) return "";
    appendLabel(name, label);
    text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
  }
  name += '\0';
  return name.size() <= kMaxName ? name : "";
}

std::optional<std::string> hostText(std::string_view name) {
  std::string text;
  std::string_view label;
  while (name.size() > 1) {  // the root is left
    label = name.substr(1, static_cast<uint8_t>(name.front()));
    if (!isHostLabel(label)) return std::nullopt;
    text.append(text.empty() ? "" : ".").append(label);
    name.remove_prefix(1 + label.size());
  }
  if (!text.empty() && label.find_first_not_of("0123456789") == label.npos) return std::nullopt;
  return text;
}

void WireReader::fail() {
  ok_ = false;
  message_ = {};
  at_ = 0;
}

std::span<const uint8_t> WireReader::bytes(size_t size) {
  if (size > message_.size() - at_) {
    fail();
    return {};
  }
  const std::span<const uint8_t> read = message_.subspan(at_, size);
  at_ += size;
  return read;
}

uint8_t WireReader::number8() {
  const std::span<const uint8_t> read = bytes(1);
  return read.empty() ? 0 : read[0];
}

uint16_t WireReader::number16() {
  const std::span<const uint8_t> read = bytes(2);
  return read.empty() ? 0 : static_cast<uint16_t>(read[0] << 8 | read[1]);
}

uint32_t WireReader::number32() {
  const std::span<const uint8_t> read = bytes(4);
  if (read.empty()) return 0;
  return static_cast<uint32_t>(read[0]) << 24 | static_cast<uint32_t>(read[1]) << 16 |
         static_cast<uint32_t>(read[2]) << 8 | read[3];
}

// Appends what stands here, up to the root, or to a pointer: then returns where it leads.
std::optional<size_t> WireReader::labels(std::string& name) {
  while (true) {
    const uint8_t length = number8();
    if (length >= kPointer) return (length & ~kPointer) << 8 | number8();
    if (length > kMaxLabel) fail();
    const std::span<const uint8_t> label = bytes(length);
    appendLabel(name, {reinterpret_cast<const char*>(label.data()), label.size()});
    if (name.size() > kMaxName) fail();
    if (!ok_ || length == 0) return std::nullopt;
  }
}

std::string WireReader::name() {
  std::string name;
  // What a pointer leads to ends where the labels begin that it is the end of.
  WireReader earlier(message_.first(at_));
  std::optional<size_t> next = labels(name);
  for (int i = 0; next && ok_; ++i) {
    if (i == kMaxPointers || *next < kHeaderSize || *next >= earlier.message_.size()) {
      fail();
      break;
    }
    WireReader from(earlier.message_);
    from.at_ = *next;
    earlier.message_ = earlier.message_.first(*next);
    next = from.labels(name);
    if (!from.ok_) fail();
  }
  return ok_ ? name : "";
}

WireReader WireReader::part(size_t size) {
  WireReader data(*this);
  bytes(size);
  if (!ok_) {
    data.fail();
  } else {
    data.message_ = message_.first(at_);
  }
  return data;
}

}  // namespace oxbow::dns
