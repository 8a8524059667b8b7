#include "proxy/config/suggest.h"

#include <algorithm>
#include <array>

namespace oxbow::config {

namespace {

// Longer words are no typing error of ours, and the table below stays small.
constexpr size_t kMaxWord = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

size_t limitFor(std::string_view a, std::string_view b) {
  return std::clamp<size_t>(std::max(a.size(), b.size()) / 3, 1, 3);
}

size_t lengthDifference(std::string_view a, std::string_view b) {
  return std::max(a.size(), b.size()) - std::min(a.size(), b.size());
}

// Begins one with the other, and is the shorter at least half as long?
bool isAbbreviation(std::string_view a, std::string_view b) {
  const std::string_view longer = a.size() > b.size() ? a : b;
  const std::string_view shorter = a.size() > b.size() ? b : a;
  return shorter.size() >= 3 && shorter.size() * 2 >= longer.size() &&
         longer.substr(0, shorter.size()) == shorter;
}

}  // namespace

size_t editDistance(std::string_view a, std::string_view b) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) return std::max(a.size(), b.size());
  using Row = std::array<size_t, kMaxWord + 1>;
  Row before{}, last{}, row{};  // the rows i-2, i-1 and i of the usual table
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  size_t best = kMaxWord;
  for (const std::string_view candidate : candidates) {
    const size_t limit = std::min(limitFor(word, candidate), best - 1);
    if (lengthDifference(word, candidate) > limit)
      continue;  // so many letters are missing at least
    const size_t distance = editDistance(word, candidate);
    if (distance > limit) continue;
    nearest = candidate;
    best = distance;
    if (best == 0) break;
  }
  for (size_t i = 0; nearest.empty() && i < candidates.size(); ++i)
    if (isAbbreviation(word, candidates[i])) nearest = candidates[i];
  return std::string(nearest);
}

}  // namespace oxbow::config
