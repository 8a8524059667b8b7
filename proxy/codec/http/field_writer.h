#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "proxy/codec/http/field.h"

namespace oxbow::http {

// Makes up field lines in storage that the caller provides and keeps as long as the block is used.
// Nothing is allocated; a line that does not fit, or could end early or forge another, is refused.
class FieldWriter {
 public:
  FieldWriter(char* bytes, size_t byteCapacity, Field* fields, size_t fieldCapacity);

  // Appends "name: value CRLF". False, with the block as it was, when there is no room, when `name`
  // is no token (RFC 9110, section 5.1), or when `value` has a control other than HTAB.
  [[nodiscard]] bool add(std::string_view name, std::string_view value);

  // The same for a name that `id` stands for and a value that is known to be clean (a slice of a
  // parsed head, or made by us): false only when there is no room.
  [[nodiscard]] bool addKnown(Name id, std::string_view name, std::string_view value) {
    const size_t size = name.size() + value.size() + 4;
    if (block_.count == fieldCapacity_ || size > byteCapacity_ - block_.end) return false;
    char* text = bytes_ + block_.end;
    std::memcpy(text, name.data(), name.size());
    text += name.size();
    std::memcpy(text, ": ", 2);
    text += 2;
    if (!value.empty()) std::memcpy(text, value.data(), value.size());
    std::memcpy(text + value.size(), "\r\n", 2);
    block_.fields[block_.count++] = Field{block_.end, static_cast<uint64_t>(text - bytes_),
                                          value.size(), name.size(), static_cast<uint64_t>(id)};
    block_.seen |= bitOf(id);
    block_.end = static_cast<uint16_t>(block_.end + size);
    return true;
  }

  // Appends the lines of another writer's block: one copy. False when they do not fit.
  [[nodiscard]] bool addLines(const FieldBlock& lines) {
    const size_t count = lines.count;
    if (block_.count + count > fieldCapacity_ || lines.end > byteCapacity_ - block_.end)
      return false;
    std::memcpy(bytes_ + block_.end, lines.base, lines.end);
    if (block_.end == 0)
      std::memcpy(block_.fields, lines.fields, count * sizeof(Field));
    else
      for (size_t i = 0; i < count; ++i)
        block_.fields[block_.count + i] = movedBy(lines.fields[i], block_.end);
    block_.count = static_cast<uint16_t>(block_.count + count);
    block_.seen |= lines.seen;
    block_.end = static_cast<uint16_t>(block_.end + lines.end);
    return true;
  }

  // What was added so far. Points into the storage; take it again after another add().
  FieldBlock block() const { return block_; }
  void clear();

 private:
  FieldBlock block_;
  char* bytes_;
  size_t byteCapacity_;
  size_t fieldCapacity_;
};

}  // namespace oxbow::http
