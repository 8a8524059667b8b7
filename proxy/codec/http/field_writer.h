#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/codec/http/field.h"

namespace oxbow::http {

// Makes up field lines in storage that the caller provides and keeps as long as the block is used.
// Nothing is allocated; a line that does not fit, or could end early or forge another, is refused.
class FieldWriter {
 public:
  FieldWriter(char* bytes, size_t byteCapacity, Field* fields, size_t fieldCapacity);

  // Appends "name: value CRLF". False, with the block as it was, when there is no room, when `name` is
  // no token (RFC 9110, section 5.1), or when `value` has a control other than HTAB.
  [[nodiscard]] bool add(std::string_view name, std::string_view value);

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
