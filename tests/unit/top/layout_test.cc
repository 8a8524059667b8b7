#include "proxy/top/layout.h"

#include <doctest/doctest.h>

#include "proxy/top/text.h"

using namespace oxbow::top;

namespace {

constexpr Style kPlain{0, true, false};

std::vector<std::string> rendered(const std::vector<Line>& lines, const Style& style) {
  std::vector<std::string> result;
  for (const Line& line : lines) result.push_back(render(line, style));
  return result;
}

}  // namespace

TEST_CASE("a line is cut to the width, whatever it is made of") {
  const Line line = {{"abc", Look::Strong}, {"def"}, {"ghi"}};
  CHECK(render(line, kPlain) == "abcdefghi");
  CHECK(render(line, {9, true, false}) == "abcdefghi");
  CHECK(render(line, {5, true, false}) == "abcd\u2026");
  CHECK(render(line, {3, true, false}) == "abc");
  CHECK(render(line, {2, false, false}) == "a>");
  CHECK(render({{"a  "}}, kPlain) == "a");
}

TEST_CASE("colours are there only where they are wanted, and end") {
  const Line line = {{"a", Look::Bad}, {"b"}, {"c", Look::Soft}};
  CHECK(render(line, {10, true, true}) == "\x1b[1;31ma\x1b[0mb\x1b[2mc\x1b[0m");
  CHECK(render(line, {10, true, false}) == "abc");
}

TEST_CASE("items flow into as many lines as they need") {
  const std::vector<Line> items = {{{"aaaa"}}, {{"bb"}, {"bb"}}, {{"cccc"}}};
  CHECK(rendered(flow(items, 2, kPlain), kPlain) == std::vector<std::string>{"aaaa  bbbb  cccc"});
  CHECK(rendered(flow(items, 2, {10, true, false}), kPlain) ==
        std::vector<std::string>{"aaaa  bbbb", "  cccc"});
  CHECK(rendered(flow(items, 2, {9, true, false}), kPlain) ==
        std::vector<std::string>{"aaaa", "  bbbb", "  cccc"});
}

TEST_CASE("a bar shows shares, and whatever there is at least a little") {
  CHECK(bar({5, 3, 1}, 10, 10, false) == "[#####===+ ]");
  CHECK(bar({0, 0, 0}, 10, 4, false) == "[    ]");
  CHECK(bar({1, 0, 0}, 1000, 4, false) == "[#   ]");
  CHECK(bar({1, 1, 1}, 1000, 4, false) == "[#=+ ]");
  CHECK(bar({10}, 10, 4, false) == "[####]");
  CHECK(bar({20}, 10, 4, false) == "[####]");
  CHECK(bar({3, 1}, 0, 4, false) == "[###=]");  // no cap
  CHECK(bar({1, 1}, 4, 4, true) == "[\u2588\u2592  ]");
}

TEST_CASE("a table leaves out what matters least when it is narrow") {
  const std::vector<Column> columns = {
      {"NAME", 0, 9, false}, {"A", 4, 5}, {"B", 4, 1}, {"C", 4, 3}};
  const std::vector<Line> rows = {{{"a-long-name-of-26-letters.."}, {"1"}, {"2"}, {"3"}}};
  CHECK(rendered(table(columns, rows, 1, kPlain), kPlain) ==
        std::vector<std::string>{" NAME                            A     B     C",
                                 " a-long-name-of-26-letters..     1     2     3"});
  for (size_t width = 13; width < 60; ++width) {
    const Style style{width, false, false};
    for (const Line& line : table(columns, rows, 1, style)) {
      INFO(width);
      CHECK(columnsOf(render(line, kPlain)) <= width);
    }
  }
  CHECK(rendered(table(columns, rows, 1, {25, false, false}), kPlain) ==
        std::vector<std::string>{" NAME             A     C", " a-long-name>     1     3"});
  CHECK(rendered(table(columns, rows, 1, {19, false, false}), kPlain) ==
        std::vector<std::string>{" NAME             A", " a-long-name>     1"});
  CHECK(rendered(table(columns, rows, 1, {13, false, false}), kPlain) ==
        std::vector<std::string>{" NAME", " a-long-name>"});
}
