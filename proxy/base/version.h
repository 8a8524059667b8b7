#pragma once

#include <string_view>

namespace oxbow {

// The version of the project in meson.build; a test holds the two together.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace oxbow
