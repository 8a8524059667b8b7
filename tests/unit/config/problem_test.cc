#include "proxy/config/problem.h"

#include <doctest/doctest.h>

namespace oxbow::config {

TEST_CASE("a problem is one line with file, place, path and suggestion") {
  const Problem full{{12, 5}, "upstreams.api.keepalve", "unknown key", "keepalive"};
  CHECK(format(full, "conf/oxbow.yaml") ==
        "conf/oxbow.yaml:12:5: upstreams.api.keepalve: unknown key; did you mean \"keepalive\"?");
  const Problem syntax{{3, 1}, "", "bad indentation", ""};
  CHECK(format(syntax, "f") == "f:3:1: bad indentation");
  const Problem wholeFile{{}, "", "cannot open the file", ""};
  CHECK(format(wholeFile, "f") == "f: cannot open the file");
}

TEST_CASE("problems are sorted by line, then column, and otherwise stay in order") {
  std::vector<Problem> problems = {{{2, 9}, "", "c", ""},
                                   {{10, 1}, "", "e", ""},
                                   {{2, 3}, "", "a", ""},
                                   {{2, 9}, "", "d", ""},
                                   {{2, 3}, "", "b", ""}};
  sortByPlace(problems);
  std::string order;
  for (const Problem& problem : problems) order += problem.message;
  CHECK(order == "abcde");
}

TEST_CASE("text of the file is printed on one line and cut") {
  CHECK(printable("a\nb\x1b\x7f") == "a\\x0ab\\x1b\\x7f");
  CHECK(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  CHECK(printable(std::string(80, 'a')) == std::string(80, 'a'));
  CHECK(printable(std::string(81, 'a')) == std::string(80, 'a') + "...");
  // The 80th byte is the first half of a character, which goes as a whole.
  CHECK(printable(std::string(79, 'a') + "\xc3\xbc") == std::string(79, 'a') + "...");
  CHECK(quoted("api") == "\"api\"");
}

TEST_CASE("paths are joined with dots and indices") {
  CHECK(join("", "workers") == "workers");
  CHECK(join("upstreams", "api") == "upstreams.api");
  CHECK(join("listeners", size_t{3}) == "listeners[3]");
  CHECK(join("a", "b\nc") == "a.b\\x0ac");
}

}  // namespace oxbow::config
