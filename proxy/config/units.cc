#include "proxy/config/units.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/config/problem.h"
#include "proxy/config/suggest.h"

namespace oxbow::config {

namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// In milliseconds, the finest unit.
constexpr std::array<Unit, 5> kTimes{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 3> kSizes{{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}}};
constexpr uint64_t kMaxMilliseconds =
    static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / 1'000'000;

bool isDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view takeWhile(std::string_view& text, bool digits) {
  size_t n = 0;
  while (n < text.size() && isDigit(text[n]) == digits) ++n;
  const std::string_view taken = text.substr(0, n);
  text.remove_prefix(n);
  return taken;
}

bool allDigits(std::string_view text) {
  return !text.empty() && takeWhile(text, true).size() > 0 && text.empty();
}

Fault tooLarge(std::string_view text) { return {fmt::format("{} is too large", quoted(text)), {}}; }

// Signs are common enough to have their own sentence.
std::optional<Fault> signFault(std::string_view text) {
  if (text.empty()) return Fault{"is empty", {}};
  if (text[0] == '-') return Fault{fmt::format("{} is negative", quoted(text)), {}};
  return std::nullopt;
}

Fault noDuration(std::string_view text, std::string suggestion = {}) {
  return {fmt::format("{} is no duration; write 500ms, 60s, 5m, 1h, 1d or 1h30m", quoted(text)),
          std::move(suggestion)};
}

const Unit* timeUnit(std::string_view name) {
  for (const Unit& unit : kTimes)
    if (unit.name == name) return &unit;
  return nullptr;
}

// "10sec", "5min": the number with the unit that the word begins with.
std::string spelledOut(std::string_view digits, std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kWords{{{"S", "s"},
                                                                                  {"sec", "s"},
                                                                                  {"secs", "s"},
                                                                                  {"second", "s"},
                                                                                  {"seconds", "s"},
                                                                                  {"M", "m"},
                                                                                  {"min", "m"},
                                                                                  {"mins", "m"},
                                                                                  {"minute", "m"},
                                                                                  {"minutes", "m"},
                                                                                  {"msec", "ms"},
                                                                                  {"H", "h"},
                                                                                  {"hour", "h"},
                                                                                  {"hours", "h"},
                                                                                  {"day", "d"},
                                                                                  {"days", "d"}}};
  while (!word.empty() && word[0] == ' ') word.remove_prefix(1);
  for (const auto& [longer, unit] : kWords)
    if (word == longer) return fmt::format("{}{}", digits, unit);
  return timeUnit(word) != nullptr ? fmt::format("{}{}", digits, word) : std::string();
}

}  // namespace

Result<Duration, Fault> parseDuration(std::string_view text) {
  if (auto fault = signFault(text)) return *fault;
  if (allDigits(text)) {
    return Fault{fmt::format("{} has no unit", quoted(text)), fmt::format("{}s", text)};
  }
  uint64_t total = 0;
  uint64_t coarser = std::numeric_limits<uint64_t>::max();
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view digits = takeWhile(rest, true);
    const std::string_view word = takeWhile(rest, false);
    const Unit* unit = timeUnit(word);
    if (digits.empty() || unit == nullptr || unit->factor >= coarser) {
      const bool alone = digits.size() + word.size() == text.size() && !digits.empty();
      return noDuration(text, alone ? spelledOut(digits, word) : std::string());
    }
    coarser = unit->factor;
    const auto count = parseDecimal(digits);
    uint64_t part = 0;
    if (!count || __builtin_mul_overflow(*count, unit->factor, &part) ||
        __builtin_add_overflow(total, part, &total) || total > kMaxMilliseconds)
      return tooLarge(text);
  }
  return Duration(std::chrono::milliseconds(total));
}

Result<uint64_t, Fault> parseSize(std::string_view text) {
  if (auto fault = signFault(text)) return *fault;
  std::string_view rest = text;
  const std::string_view digits = takeWhile(rest, true);
  uint64_t factor = rest.empty() ? 1 : 0;
  for (const Unit& unit : kSizes)
    if (editDistance(rest, unit.name) == 0) factor = unit.factor;
  if (digits.empty() || factor == 0) {
    std::string suggestion;
    for (const Unit& unit : kSizes)
      for (const std::string_view longer : {"b", "ib"})
        if (!digits.empty() && editDistance(rest, fmt::format("{}{}", unit.name, longer)) == 0)
          suggestion = fmt::format("{}{}", digits, unit.name);
    return Fault{fmt::format("{} is no size; write bytes, or 16k, 1m, 1g", quoted(text)),
                 suggestion};
  }
  const auto count = parseDecimal(digits);
  uint64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, factor, &bytes)) return tooLarge(text);
  return bytes;
}

Result<uint64_t, Fault> parseCount(std::string_view text) {
  if (auto fault = signFault(text)) return *fault;
  if (!allDigits(text)) return Fault{fmt::format("{} is no whole number", quoted(text)), {}};
  // YAML 1.1 reads these as octal; better not to guess.
  if (text.size() > 1 && text[0] == '0') {
    const size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
    return Fault{fmt::format("{} begins with a zero", quoted(text)),
                 std::string(text.substr(first))};
  }
  const auto value = parseDecimal(text);
  if (!value) return tooLarge(text);
  return *value;
}

Result<uint32_t, Fault> parseShare(std::string_view text) {
  constexpr uint64_t kWhole = 1'000'000;
  constexpr size_t kPlaces = 6;
  if (auto fault = signFault(text)) return *fault;
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  const bool isNumber = allDigits(whole) && (point == text.size() || allDigits(fraction));
  if (!isNumber) return Fault{fmt::format("{} is no number such as 0.1", quoted(text)), {}};
  const bool isFine = fraction.size() <= kPlaces;
  fraction.resize(kPlaces, '0');
  const auto ones = parseDecimal(whole);
  const uint64_t millionths = parseDecimal(fraction).value_or(0);
  const bool isIn = ones && (*ones == 0 ? millionths > 0 : *ones == 1 && millionths == 0);
  if (!isIn || !isFine) return Fault{"must be between 0.000001 and 1", {}};
  return static_cast<uint32_t>(*ones * kWhole + millionths);
}

Result<bool, Fault> parseBoolean(std::string_view text) {
  for (const std::string_view word : {"on", "true", "yes"})
    if (text == word) return true;
  for (const std::string_view word : {"off", "false", "no"})
    if (text == word) return false;
  std::string meant = suggest(text, {"on", "off", "true", "false", "yes", "no"});
  if (text == "1") meant = "on";
  if (text == "0") meant = "off";
  return Fault{fmt::format("{} is neither on nor off", quoted(text)), std::move(meant)};
}

std::string durationText(Duration value) {
  auto rest =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(value).count());
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kTimes) {
    if (rest >= unit.factor) text += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  return text;
}

std::string sizeText(uint64_t bytes) {
  for (const Unit& unit : kSizes)
    if (bytes != 0 && bytes % unit.factor == 0)
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
  return std::to_string(bytes);
}

std::string shareText(uint32_t millionths) {
  std::string text = fmt::format("{}.{:06}", millionths / 1'000'000, millionths % 1'000'000);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace oxbow::config
