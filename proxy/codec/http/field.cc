#include "proxy/codec/http/field.h"

#include "proxy/codec/http/name_lookup.h"

namespace oxbow::http {

namespace {

char lowerOf(char byte) {
  return static_cast<unsigned char>(byte - 'A') < 26 ? static_cast<char>(byte | 0x20) : byte;
}

}  // namespace

Name nameOf(std::string_view name) { return lookUpName(name.data(), name.size()); }

bool equalsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lowerOf(a[i]) != lowerOf(b[i])) return false;
  return true;
}

const Field* FieldBlock::find(Name name) const {
  if (!has(name)) return nullptr;
  for (const Field* field = begin(); field != end_(); ++field)
    if (field->name() == name && !field->dropped()) return field;
  return nullptr;
}

const Field* FieldBlock::find(std::string_view name) const {
  for (const Field* field = begin(); field != end_(); ++field)
    if (!field->dropped() && equalsIgnoreCase(nameAt(*field), name)) return field;
  return nullptr;
}

std::string_view FieldBlock::value(Name name) const {
  const Field* field = find(name);
  return field != nullptr ? valueAt(*field) : std::string_view();
}

size_t FieldBlock::drop(Name name) {
  if (!has(name)) return 0;
  size_t dropped = 0;
  for (Field* field = begin(); field != end_(); ++field) {
    if (field->name() != name || field->dropped()) continue;
    drop(*field);
    ++dropped;
  }
  return dropped;
}

size_t FieldBlock::drop(std::string_view name) {
  size_t dropped = 0;
  for (Field* field = begin(); field != end_(); ++field) {
    if (field->dropped() || !equalsIgnoreCase(nameAt(*field), name)) continue;
    drop(*field);
    ++dropped;
  }
  return dropped;
}

}  // namespace oxbow::http
