#include "proxy/codec/http/auth_scheme.h"

#include <algorithm>
#include <string_view>

namespace oxbow::http {

namespace {

bool isConnectionScheme(std::string_view word) {
  return equalsIgnoreCase(word, "NTLM") || equalsIgnoreCase(word, "Negotiate");
}

// Where the element at the front of `list` ends: at a comma outside of quoted strings.
size_t elementSize(std::string_view list) {
  bool quoted = false;
  for (size_t at = 0; at < list.size(); ++at) {
    if (quoted && list[at] == '\\')
      ++at;
    else if (list[at] == '"')
      quoted = !quoted;
    else if (list[at] == ',' && !quoted)
      return at;
  }
  return list.size();
}

// The word that an element begins with. It is a scheme, or the name of another one's parameter,
// which an equals sign follows.
std::string_view schemeOf(std::string_view element) {
  element.remove_prefix(std::min(element.find_first_not_of(" \t"), element.size()));
  const size_t size = std::min(element.find_first_of(" \t="), element.size());
  const std::string_view behind = element.substr(size);
  const size_t next = behind.find_first_not_of(" \t");
  const bool isParameter = next != std::string_view::npos && behind[next] == '=';
  return isParameter ? std::string_view() : element.substr(0, size);
}

bool listsConnectionScheme(std::string_view list) {
  for (;;) {
    const size_t size = elementSize(list);
    if (isConnectionScheme(schemeOf(list.substr(0, size)))) return true;
    if (size == list.size()) return false;
    list.remove_prefix(size + 1);
  }
}

}  // namespace

bool namesConnectionScheme(const FieldBlock& fields) {
  return std::any_of(fields.begin(), fields.end_(), [&fields](const Field& field) {
    return (bitOf(field.name()) & kAuthenticationNames) != 0 && !field.dropped() &&
           listsConnectionScheme(fields.valueAt(field));
  });
}

}  // namespace oxbow::http
