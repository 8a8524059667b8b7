#include "proxy/config/secrets.h"

#include <algorithm>
#include <array>

#include "proxy/config/field_rules.h"

namespace oxbow::config {

namespace {

// In names of fields, and in what stands before a value in a text.
constexpr std::array<std::string_view, 11> kSecretWords{
    "authorization", "cookie",     "token",  "secret",  "password", "passwd",
    "api-key",       "credential", "apikey", "api_key", "signature"};
// Schemes of credentials (RFC 7617, RFC 6750, RFC 7616).
constexpr std::array<std::string_view, 3> kSchemes{"basic ", "bearer ", "digest "};

bool isFreeText(const std::string& text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"';
}

// "X-Auth", "Session-Key": a name of which a word is one of those that only secrets have.
bool hasSecretPart(const std::string& name) {
  for (const std::string_view part : {"auth", "key", "session", "pass", "sig"}) {
    for (size_t at = name.find(part); at != std::string::npos; at = name.find(part, at + 1)) {
      const size_t end = at + part.size();
      const bool begins = at == 0 || name[at - 1] == '-' || name[at - 1] == '_';
      if (begins && (end == name.size() || name[end] == '-' || name[end] == '_')) return true;
    }
  }
  return false;
}

bool isSecretName(const std::string& name) {
  return hasSecretPart(name) ||
         std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

// "token=x", "password: x", "Bearer x".
bool speaksOfSecret(const std::string& text) {
  for (const std::string_view scheme : kSchemes)
    if (text.find(scheme) != std::string::npos) return true;
  for (const std::string_view word : kSecretWords) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const size_t next = text.find_first_not_of("\"' ", at + word.size());
      if (next != std::string::npos && (text[next] == '=' || text[next] == ':')) return true;
    }
  }
  return false;
}

std::string withoutUserInfo(std::string text) {
  for (size_t at = text.find("//"); at != std::string::npos; at = text.find("//", at + 2)) {
    const size_t begin = at + 2;
    const size_t end = std::min(text.find_first_of("/?# \"'<>", begin), text.size());
    const size_t mark = text.rfind('@', end);
    if (mark == std::string::npos || mark < begin || mark >= end) continue;
    text.replace(begin, mark - begin, kHidden);
  }
  return text;
}

// Free text is what bodies and fields have. The other keys have numbers, words and paths, but
// these.
bool mayHoldSecret(const Value& value) {
  return isFreeText(value.text) || value.name == "location" || value.name == "rewrite" ||
         value.name == "content_type";
}

void hide(Value& value) {
  for (Value& inner : value.inner) hide(inner);
  if (!value.isLeaf() || !value.words.empty() || !mayHoldSecret(value)) return;
  const std::string shown = shownText(value.name, plainText(value));
  value.text = isFreeText(value.text) ? '"' + shown + '"' : shown;
}

}  // namespace

std::string plainText(const Value& value) {
  const bool isQuoted = isFreeText(value.text);
  return isQuoted ? value.text.substr(1, value.text.size() - 2) : value.text;
}

std::string shownText(std::string_view name, const std::string& text) {
  if (text.empty()) return text;
  const bool isSecret = isSecretName(lowered(std::string(name))) || speaksOfSecret(lowered(text));
  return isSecret ? std::string(kHidden) : withoutUserInfo(text);
}

Value withoutSecrets(Value value) {
  hide(value);
  return value;
}

}  // namespace oxbow::config
