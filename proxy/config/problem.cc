#include "proxy/config/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace oxbow::config {

namespace {

bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first bytes of `text`, without half a UTF-8 character at the end.
std::string_view clip(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && isContinuation(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace

std::string format(const Problem& problem, std::string_view file) {
  std::string line(file);
  if (problem.place.line != 0)
    fmt::format_to(std::back_inserter(line), ":{}:{}", problem.place.line, problem.place.column);
  line += ": ";
  if (!problem.path.empty()) line += problem.path + ": ";
  line += problem.message;
  if (!problem.suggestion.empty())
    fmt::format_to(std::back_inserter(line), "; did you mean {}?", quoted(problem.suggestion));
  return line;
}

void sortByPlace(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
  });
}

std::string printable(std::string_view text, size_t most) {
  std::string out;
  const std::string_view shown = clip(text, most);
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    else
      out += c;
  }
  if (shown.size() < text.size()) out += "...";
  return out;
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

std::string join(std::string_view path, std::string_view key) {
  if (path.empty()) return printable(key);
  return fmt::format("{}.{}", path, printable(key));
}

std::string join(std::string_view path, size_t index) { return fmt::format("{}[{}]", path, index); }

}  // namespace oxbow::config
