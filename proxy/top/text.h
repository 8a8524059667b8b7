#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Text for a terminal that shows what others have written.

namespace oxbow::top {

// Control characters (C0, DEL, C1), those that reorder or hide others, and bytes that are not UTF-8
// become \xNN, byte by byte. Without `utf8` everything beyond ASCII does.
std::string escaped(std::string_view text, bool utf8);

// How many columns a text takes. REQUIRES: escaped, or ours.
size_t columnsOf(std::string_view text);

// What of the text fits into so many columns, with a mark at its end where it was cut.
std::string cutTo(std::string_view text, size_t columns, bool utf8);
// The same, and filled up with spaces.
std::string padTo(std::string_view text, size_t columns, bool utf8);
std::string padLeft(std::string_view text, size_t columns);

// As the dashboard writes it: three digits from 1 on, three decimals below; 0 is 0.
std::string threeDigits(double value);

}  // namespace oxbow::top
