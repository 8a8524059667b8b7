#include "proxy/top/layout.h"

#include <algorithm>
#include <numeric>

#include "proxy/top/text.h"

namespace oxbow::top {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kLeastFirst = 12;  // columns of a table's first column

std::string_view beginOf(Look look) {
  switch (look) {
    case Look::Plain:
      break;
    case Look::Strong:
      return "\x1b[1m";
    case Look::Soft:
      return "\x1b[2m";
    case Look::Bad:
      return "\x1b[1;31m";
  }
  return "";
}

size_t columnsIn(const Line& line) {
  size_t columns = 0;
  for (const Span& span : line) columns += columnsOf(span.text);
  return columns;
}

// Which columns stay: those of low rank go until the first one has room.
std::vector<bool> chosenOf(const std::vector<Column>& columns, size_t room) {
  std::vector<bool> chosen(columns.size(), true);
  for (;;) {
    size_t used = 0;
    size_t lowest = 0;
    for (size_t i = 1; i < columns.size(); ++i) {
      if (!chosen[i]) continue;
      used += columns[i].width + kGap;
      if (lowest == 0 || columns[i].rank < columns[lowest].rank) lowest = i;
    }
    if (lowest == 0 || used + kLeastFirst <= room) return chosen;
    chosen[lowest] = false;
  }
}

size_t widthOfFirst(const std::vector<Column>& columns, const std::vector<bool>& chosen,
                    const std::vector<Line>& rows, size_t room) {
  size_t widest = columnsOf(columns[0].title);
  for (const Line& row : rows) widest = std::max(widest, columnsOf(row[0].text));
  if (room == SIZE_MAX) return widest;
  size_t used = 0;
  for (size_t i = 1; i < columns.size(); ++i)
    if (chosen[i]) used += columns[i].width + kGap;
  return std::min(widest, room > used ? room - used : 0);
}

}  // namespace

std::string render(const Line& line, const Style& style) {
  std::string result;
  size_t left = style.width == 0 ? SIZE_MAX : style.width;
  for (const Span& span : line) {
    const std::string text = cutTo(span.text, left, style.utf8);
    left -= columnsOf(text);
    const std::string_view begin = style.colour ? beginOf(span.look) : "";
    result.append(begin).append(text).append(begin.empty() ? "" : "\x1b[0m");
    if (left == 0 || text.size() < span.text.size()) break;
  }
  // Nobody sees these, and scripts need not cut them off.
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::vector<Line> flow(const std::vector<Line>& items, size_t indent, const Style& style) {
  std::vector<Line> lines(1);
  size_t used = 0;
  for (const Line& item : items) {
    const size_t columns = columnsIn(item);
    const bool isFirst = lines.back().empty();
    if (!isFirst && style.width > 0 && used + kGap + columns > style.width) {
      lines.push_back({{std::string(indent, ' ')}});
      used = indent;
    } else if (!isFirst) {
      lines.back().push_back({std::string(kGap, ' ')});
      used += kGap;
    }
    lines.back().insert(lines.back().end(), item.begin(), item.end());
    used += columns;
  }
  return lines;
}

std::string bar(const std::vector<uint64_t>& parts, uint64_t whole, size_t columns, bool utf8) {
  constexpr std::string_view kBlocks[] = {"\u2588", "\u2592", "\u2591"};
  constexpr std::string_view kAscii[] = {"#", "=", "+"};
  const uint64_t sum = std::accumulate(parts.begin(), parts.end(), uint64_t{0});
  whole = std::max({whole, sum, uint64_t{1}});
  std::string result = "[";
  uint64_t before = 0;
  size_t drawn = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    before += parts[i];
    // Whatever there is shows, as long as there is room.
    const auto share = static_cast<size_t>(before * columns / whole);
    const size_t end = std::min(columns, std::max(share, drawn + (parts[i] > 0 ? 1 : 0)));
    for (; drawn < end; ++drawn) result += utf8 ? kBlocks[i] : kAscii[i];
  }
  return result.append(columns - drawn, ' ') + "]";
}

std::vector<Line> table(const std::vector<Column>& columns, const std::vector<Line>& rows,
                        size_t indent, const Style& style) {
  const size_t room = style.width == 0 ? SIZE_MAX : style.width - std::min(indent, style.width);
  const std::vector<bool> chosen = chosenOf(columns, room);
  const size_t first = widthOfFirst(columns, chosen, rows, room);
  const auto lineOf = [&](const Line& cells) {
    Line line = {{std::string(indent, ' ')}};
    for (size_t i = 0; i < columns.size(); ++i) {
      if (!chosen[i]) continue;
      const size_t width = i == 0 ? first : columns[i].width;
      std::string text = cutTo(cells[i].text, width, style.utf8);
      text = columns[i].right ? padLeft(text, width) : padTo(text, width, style.utf8);
      if (i > 0) line.push_back({std::string(kGap, ' ')});
      line.push_back({std::move(text), cells[i].look});
    }
    return line;
  };
  std::vector<Line> lines;
  Line titles;
  for (const Column& column : columns) titles.push_back({column.title, Look::Soft});
  lines.push_back(lineOf(titles));
  for (const Line& row : rows) lines.push_back(lineOf(row));
  return lines;
}

}  // namespace oxbow::top
