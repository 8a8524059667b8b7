#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

// The text of values: "1h30m", "64k", "on". Nothing here knows where the text stood.

namespace oxbow::config {

// Why a text is no such value, and what was probably meant.
struct Fault {
  std::string message;
  std::string suggestion;
};

// "500ms", "60s", "1m", "2h", "1d", and sums of them from large to small: "1h30m". A number needs a
// unit. At most about 290 years.
Result<Duration, Fault> parseDuration(std::string_view text);

// Bytes: "512", or with k, m, g (of either case) for 1024, 1024^2, 1024^3.
Result<uint64_t, Fault> parseSize(std::string_view text);

// Decimal digits only.
Result<uint64_t, Fault> parseCount(std::string_view text);

// on, true, yes; off, false, no.
Result<bool, Fault> parseBoolean(std::string_view text);

// A part of the whole in millionths: "0.1" is 100000. Above 0, at most 1, and no finer than that.
Result<uint32_t, Fault> parseShare(std::string_view text);

// The shortest text that the parsers above read as that value.
std::string durationText(Duration value);
std::string sizeText(uint64_t bytes);
std::string shareText(uint32_t millionths);

}  // namespace oxbow::config
