#include "proxy/base/bytes.h"

#include <doctest/doctest.h>

#include <string>

using namespace oxbow;

namespace {

std::string decimal(uint64_t value) {
  char out[kMaxDecimal];
  return std::string(out, writeDecimal(out, value));
}

std::string hex(uint64_t value) {
  char out[16];
  return std::string(out, writeHex(out, value));
}

constexpr uint64_t kMax = UINT64_MAX;

}  // namespace

TEST_CASE("decimals around every power of ten and of two") {
  CHECK(decimal(0) == "0");
  CHECK(decimal(kMax) == "18446744073709551615");
  uint64_t power = 1;
  for (int i = 0; i < 20; ++i, power *= 10) {
    CHECK(decimal(power) == std::to_string(power));
    CHECK(decimal(power - 1) == std::to_string(power - 1));
    CHECK(decimalDigits(power) == static_cast<unsigned>(i) + 1);
  }
  for (int i = 0; i < 64; ++i) CHECK(decimal(uint64_t{1} << i) == std::to_string(uint64_t{1} << i));
}

TEST_CASE("padded digits") {
  char out[4] = {'x', 'x', 'x', 'x'};
  CHECK(writePadded(out, 7, 3) == out + 3);
  CHECK(std::string(out, 4) == "007x");
  writePadded(out, 12345, 4);
  CHECK(std::string(out, 4) == "2345");
}

TEST_CASE("reading decimals") {
  CHECK(parseDecimal("0") == 0);
  CHECK(parseDecimal("007") == 7);
  CHECK(parseDecimal("18446744073709551615") == kMax);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616",
                           "99999999999999999999", "184467440737095516150"})
    CHECK_MESSAGE(!parseDecimal(text).has_value(), text);
}

TEST_CASE("hexadecimal digits") {
  CHECK(hexValue('0') == 0);
  CHECK(hexValue('9') == 9);
  CHECK(hexValue('a') == 10);
  CHECK(hexValue('F') == 15);
  // The neighbours of the ranges, and what becomes a digit when bit 5 is forced.
  for (const char c : {'/', ':', '@', 'G', '`', 'g', '\x10', '\xff'}) CHECK(hexValue(c) == -1);
}

TEST_CASE("reading hexadecimal") {
  CHECK(parseHex("ffFFffffffffffff") == kMax);
  CHECK(parseHex("1a") == 26);
  CHECK(!parseHex("").has_value());
  CHECK(!parseHex("0x1").has_value());
  CHECK(!parseHex("00000000000000001").has_value());  // 17 digits
}

TEST_CASE("writing hexadecimal") {
  CHECK(hex(0) == "0");
  CHECK(hex(15) == "f");
  CHECK(hex(16) == "10");
  CHECK(hex(0xdeadbeef) == "deadbeef");
  CHECK(hex(kMax) == "ffffffffffffffff");
}

TEST_CASE("appending") {
  char out[8];
  char* end = append(out, "ab");
  end = append(end, std::string_view());
  end = append(end, 'c');
  CHECK(std::string(out, end) == "abc");
}
