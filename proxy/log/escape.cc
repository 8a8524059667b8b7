#include "proxy/log/escape.h"

#include <algorithm>
#include <cstddef>

#include "proxy/base/bytes.h"
#include "proxy/base/utf8.h"

namespace oxbow::log {

namespace {

// Bytes that stand for themselves in both forms.
constexpr bool isPlain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

char* appendHexByte(char* out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  *out++ = "0123456789abcdef"[byte >> 4];
  *out++ = "0123456789abcdef"[byte & 15];
  return out;
}

// One character that needs care. Takes it from `text`.
char* appendJsonSpecial(char* out, std::string_view& text) {
  const size_t length = utf8Length(text);
  const char c = text.front();
  if (length == 0) {
    out = append(out, "\\ufffd");
  } else if (c == '"' || c == '\\') {
    out = append(append(out, '\\'), c);
  } else if (length == 1) {
    out = appendHexByte(append(out, "\\u00"), c);
  } else if (c == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0) {
    out = appendHexByte(append(out, "\\u00"), text[1]);
  } else {
    out = append(out, text.substr(0, length));
  }
  text.remove_prefix(std::max<size_t>(length, 1));
  return out;
}

}  // namespace

char* appendJsonEscaped(char* out, std::string_view text) {
  while (true) {
    size_t plain = 0;
    while (plain < text.size() && isPlain(text[plain])) ++plain;
    out = append(out, text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return out;
    out = appendJsonSpecial(out, text);
  }
}

char* appendTextEscaped(char* out, std::string_view text) {
  for (const char c : text) {
    if (isPlain(c)) {
      *out++ = c;
    } else {
      out = appendHexByte(append(out, "\\x"), c);
    }
  }
  return out;
}

}  // namespace oxbow::log
