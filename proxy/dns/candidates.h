#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::dns {

// The names to ask for in turn until one is found, when a configuration says `name`
// (resolv.conf(5), `search` and `ndots`). Absolute, in lower case, without a last dot, no
// duplicates. A name with a last dot is absolute and the only one; one with `ndots` dots or more is
// asked for as it is before the search domains, any other after them. What is longer than a name
// may be is left out, so that there may be none.
std::vector<std::string> candidatesOf(std::string_view name, const std::vector<std::string>& search,
                                      uint32_t ndots);

}  // namespace oxbow::dns
