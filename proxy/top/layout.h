#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Lines of a screen: texts that look somehow, cut and wrapped by columns.

namespace oxbow::top {

// What a screen can show. A width of 0 has no end.
struct Style {
  size_t width = 0;
  bool utf8 = false;
  bool colour = false;
};

enum class Look : uint8_t { Plain, Strong, Soft, Bad };

struct Span {
  std::string text;  // escaped, or ours
  Look look = Look::Plain;
};
using Line = std::vector<Span>;

// The bytes of a line: cut to the width, with the controls of its colours where there are any.
std::string render(const Line& line, const Style& style);

// Puts the spans side by side, two columns apart, in as many lines as they need; all but the first
// are indented.
std::vector<Line> flow(const std::vector<Line>& items, size_t indent, const Style& style);

// A bar of so many columns: what is active, idle and connecting, out of `whole`. In ASCII: # = +.
std::string bar(const std::vector<uint64_t>& parts, uint64_t whole, size_t columns, bool utf8);

// A column of a table. Those of low rank go first when the width is small.
struct Column {
  std::string title;
  size_t width;
  int rank;
  bool right = true;  // aligned
};
// Rows have a span for each column. The first column takes what is left of the width.
std::vector<Line> table(const std::vector<Column>& columns, const std::vector<Line>& rows,
                        size_t indent, const Style& style);

}  // namespace oxbow::top
