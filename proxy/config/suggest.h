#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::config {

// How many letters must be inserted, deleted, replaced or swapped with their neighbour to turn one
// word into the other, upper and lower case being the same (optimal string alignment).
size_t editDistance(std::string_view a, std::string_view b);

// The candidate that `word` was probably meant to be: the nearest within a third of the length, at
// most three letters off; else one that begins with the other ("warning", "warn"). Empty when there
// is none; the first of several that are equally near.
std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace oxbow::config
