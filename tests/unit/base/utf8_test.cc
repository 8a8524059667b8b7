#include "proxy/base/utf8.h"

#include <doctest/doctest.h>

using namespace oxbow;

TEST_CASE("well-formed sequences, at the edges of RFC 3629's table") {
  CHECK(utf8Length("a") == 1);
  CHECK(utf8Length(std::string_view("\0", 1)) == 1);
  CHECK(utf8Length("\x7fz") == 1);
  CHECK(utf8Length("\xc2\x80") == 2);
  CHECK(utf8Length("\xdf\xbf") == 2);
  CHECK(utf8Length("\xe0\xa0\x80") == 3);
  CHECK(utf8Length("\xed\x9f\xbf") == 3);
  CHECK(utf8Length("\xee\x80\x80") == 3);
  CHECK(utf8Length("\xef\xbf\xbf") == 3);
  CHECK(utf8Length("\xf0\x90\x80\x80") == 4);
  CHECK(utf8Length("\xf4\x8f\xbf\xbf") == 4);
}

TEST_CASE("what is not well-formed") {
  for (const char* text : {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z",
                           "\xe0\x9f\xbf",  // overlong
                           "\xed\xa0\x80",  // a surrogate
                           "\xe2\x82",      // cut
                           "\xe2\x82z", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
                           "\xf4\x90\x80\x80",  // above U+10FFFF
                           "\xf5\x80\x80\x80", "\xff"})
    CHECK(utf8Length(text) == 0);
}
