#pragma once

#include <string_view>

#include "proxy/base/error.h"

namespace oxbow::admin {

// What to do about an error of that kind, in one sentence.
std::string_view adviceOf(ErrorCode code);

}  // namespace oxbow::admin
