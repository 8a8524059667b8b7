#pragma once

#include <string>
#include <string_view>

#include "proxy/config/values.h"

// What of a configuration must not be shown: whoever may look at an admin page or into a log may
// not thereby act in somebody's name.

namespace oxbow::config {

constexpr std::string_view kHidden = "(hidden)";

// `text`, the value of a key or field of that name, as it may be shown: nothing of it where the
// name or the text speaks of a secret, and no user info in URLs (RFC 3986, section 3.2.1).
std::string shownText(std::string_view name, const std::string& text);

// The same tree with such texts.
Value withoutSecrets(Value value);

// The text of a leaf without the quotes around free text.
std::string plainText(const Value& value);

}  // namespace oxbow::config
