#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace oxbow::dns {

// Names are strings in wire form (RFC 1035, section 3.1): each label behind its length, the root's
// length of 0 at the end, no compression; ASCII letters in lower case. A label may hold any byte, a
// dot too: equal strings are equal names, which of text would not be true.

// The name that is written `text`, without a last dot; empty when no name is written like that.
std::string wireName(std::string_view text);

// `name` as text, "" for the root. Nothing when it cannot be a host's: other than letters, digits,
// '-' and '_', or with a last label of digits only, which would be read as an IPv4 address.
std::optional<std::string> hostText(std::string_view name);

// Reads a DNS message (RFC 1035, section 4.1) from its front. A value. What does not fit fails once
// and for all: everything read from there on is 0 or empty, and complete() stays false.
class WireReader {
 public:
  static constexpr size_t kHeaderSize = 12;

  // `message` must outlive the reader and its parts.
  explicit WireReader(std::span<const uint8_t> message) : message_(message) {}

  bool ok() const { return ok_; }
  // All has been read, and nothing failed.
  bool complete() const { return ok_ && at_ == message_.size(); }

  uint8_t number8();
  uint16_t number16();
  uint32_t number32();
  std::span<const uint8_t> bytes(size_t size);

  // At most 255 bytes (section 2.3.4). A pointer leads to a name, or its end, that stands as a
  // whole in front of the labels that it ends (section 4.1.4: "a prior occurrence").
  std::string name();

  // A reader of the next `size` bytes alone; pointers in there may lead out of it.
  WireReader part(size_t size);

 private:
  std::optional<size_t> labels(std::string& name);
  void fail();

  std::span<const uint8_t> message_;  // up to where this one may read
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace oxbow::dns
