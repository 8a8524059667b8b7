#include "proxy/top/text.h"

#include <doctest/doctest.h>

using namespace oxbow::top;

TEST_CASE("controls cannot reach the terminal") {
  CHECK(escaped("a\x1b[2Jb\r\n\t\x7f", true) == "a\\x1b[2Jb\\x0d\\x0a\\x09\\x7f");
  CHECK(escaped(std::string_view("\0", 1), true) == "\\x00");
  // C1: CSI as one character, and as one byte.
  CHECK(escaped("\xc2\x9b"
                "2J",
                true) == "\\xc2\\x9b2J");
  CHECK(escaped("\x9b"
                "2J",
                true) == "\\x9b2J");
}

TEST_CASE("what reorders or hides text is told") {
  CHECK(escaped("a\u202eb", true) == "a\\xe2\\x80\\xaeb");
  CHECK(escaped("a\u200bb", true) == "a\\xe2\\x80\\x8bb");
  CHECK(escaped("\ufeff", true) == "\\xef\\xbb\\xbf");
}

TEST_CASE("other text stays, where the terminal has it") {
  CHECK(escaped("api.\u00fcber/<b>&\"", true) == "api.\u00fcber/<b>&\"");
  CHECK(escaped("\u00fc", false) == "\\xc3\\xbc");
  CHECK(escaped("\xff\xc3", true) == "\\xff\\xc3");
}

TEST_CASE("columns are those that a terminal takes") {
  CHECK(columnsOf("") == 0);
  CHECK(columnsOf("abc") == 3);
  CHECK(columnsOf("\u00fc\u2588") == 2);
  CHECK(columnsOf("\u4e2d\u6587") == 4);
  CHECK(columnsOf("e\u0301") == 1);
  CHECK(columnsOf("\U0001f600") == 2);
}

TEST_CASE("text is cut to columns, with a mark") {
  CHECK(cutTo("abc", 3, true) == "abc");
  CHECK(cutTo("abcd", 3, true) == "ab\u2026");
  CHECK(cutTo("abcd", 3, false) == "ab>");
  CHECK(cutTo("abcd", 1, false) == ">");
  CHECK(cutTo("abcd", 0, false) == "");
  // No half of a wide one.
  CHECK(cutTo("\u4e2d\u6587", 3, true) == "\u4e2d\u2026");
  CHECK(columnsOf(cutTo("\u4e2d\u6587", 2, true)) <= 2);
}

TEST_CASE("text is filled up to columns") {
  CHECK(padTo("ab", 4, true) == "ab  ");
  CHECK(padTo("\u4e2d", 4, true) == "\u4e2d  ");
  CHECK(padTo("abcdef", 4, false) == "abc>");
  CHECK(padLeft("ab", 4) == "  ab");
  CHECK(padLeft("abcdef", 4) == "abcdef");
}

TEST_CASE("numbers have three digits, or three decimals") {
  CHECK(threeDigits(0) == "0");
  CHECK(threeDigits(0.001) == "0.001");
  CHECK(threeDigits(0.5) == "0.500");
  CHECK(threeDigits(1) == "1.00");
  CHECK(threeDigits(12.34) == "12.3");
  CHECK(threeDigits(123.4) == "123");
  CHECK(threeDigits(123456) == "123456");
}
