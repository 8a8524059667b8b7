#include "proxy/config/units.h"

#include <doctest/doctest.h>

namespace oxbow::config {

using namespace std::chrono_literals;

namespace {

template <typename T>
std::string faultOf(const Result<T, Fault>& result) {
  REQUIRE_FALSE(result.ok());
  const Fault& fault = result.error();
  return fault.suggestion.empty() ? fault.message : fault.message + " -> " + fault.suggestion;
}

}  // namespace

TEST_CASE("durations have units, and sums go from large to small") {
  CHECK(parseDuration("100ms").value() == 100ms);
  CHECK(parseDuration("5s").value() == 5s);
  CHECK(parseDuration("1m").value() == 60s);
  CHECK(parseDuration("2h").value() == 2h);
  CHECK(parseDuration("1d").value() == 24h);
  CHECK(parseDuration("1h30m").value() == 90min);
  CHECK(parseDuration("1d2h3m4s5ms").value() == 26h + 3min + 4s + 5ms);
  CHECK(parseDuration("0s").value() == 0s);
  CHECK(parseDuration("007s").value() == 7s);
}

TEST_CASE("a duration that is none says what it could be") {
  CHECK(faultOf(parseDuration("60")) == "\"60\" has no unit -> 60s");
  CHECK(faultOf(parseDuration("0")) == "\"0\" has no unit -> 0s");
  CHECK(faultOf(parseDuration("")) == "is empty");
  CHECK(faultOf(parseDuration("-5s")) == "\"-5s\" is negative");
  const std::string forms = " is no duration; write 500ms, 60s, 5m, 1h, 1d or 1h30m";
  CHECK(faultOf(parseDuration("10sec")) == "\"10sec\"" + forms + " -> 10s");
  CHECK(faultOf(parseDuration("5 min")) == "\"5 min\"" + forms + " -> 5m");
  CHECK(faultOf(parseDuration("5 s")) == "\"5 s\"" + forms + " -> 5s");
  CHECK(faultOf(parseDuration("s")) == "\"s\"" + forms);
  CHECK(faultOf(parseDuration("1.5s")) == "\"1.5s\"" + forms);
  CHECK(faultOf(parseDuration("1w")) == "\"1w\"" + forms);
  CHECK(faultOf(parseDuration("30m1h")) == "\"30m1h\"" + forms);  // small before large
  CHECK(faultOf(parseDuration("1h1h")) == "\"1h1h\"" + forms);
  CHECK(faultOf(parseDuration("1h30")) == "\"1h30\"" + forms);
  CHECK(faultOf(parseDuration("+1s")) == "\"+1s\"" + forms);
}

TEST_CASE("durations do not overflow") {
  // 2^63 - 1 nanoseconds are 9223372036854 whole milliseconds.
  CHECK(parseDuration("9223372036854ms").value() == Duration(9'223'372'036'854'000'000));
  CHECK(faultOf(parseDuration("9223372036855ms")) == "\"9223372036855ms\" is too large");
  CHECK(faultOf(parseDuration("18446744073709551616s")) ==
        "\"18446744073709551616s\" is too large");
  CHECK(faultOf(parseDuration("213503982335d")) == "\"213503982335d\" is too large");
  // Each part fits, the sum does not.
  CHECK(faultOf(parseDuration("9223372036s1000ms")) == "\"9223372036s1000ms\" is too large");
}

TEST_CASE("sizes are bytes or multiples of 1024") {
  CHECK(parseSize("0").value() == 0);
  CHECK(parseSize("512").value() == 512);
  CHECK(parseSize("16k").value() == 16384);
  CHECK(parseSize("16K").value() == 16384);
  CHECK(parseSize("1m").value() == 1048576);
  CHECK(parseSize("2G").value() == 2147483648);
}

TEST_CASE("a size that is none says what it could be") {
  const std::string forms = " is no size; write bytes, or 16k, 1m, 1g";
  CHECK(faultOf(parseSize("64kb")) == "\"64kb\"" + forms + " -> 64k");
  CHECK(faultOf(parseSize("64KiB")) == "\"64KiB\"" + forms + " -> 64k");
  CHECK(faultOf(parseSize("k")) == "\"k\"" + forms);
  CHECK(faultOf(parseSize("1t")) == "\"1t\"" + forms);
  CHECK(faultOf(parseSize("1 k")) == "\"1 k\"" + forms);
  CHECK(faultOf(parseSize("-1")) == "\"-1\" is negative");
  CHECK(faultOf(parseSize("")) == "is empty");
}

TEST_CASE("sizes do not overflow") {
  CHECK(parseSize("18446744073709551615").value() == UINT64_MAX);
  CHECK(faultOf(parseSize("18446744073709551616")) == "\"18446744073709551616\" is too large");
  // 2^34 g are 2^64.
  CHECK(faultOf(parseSize("17179869184g")) == "\"17179869184g\" is too large");
}

TEST_CASE("counts are plain digits") {
  CHECK(parseCount("0").value() == 0);
  CHECK(parseCount("1000").value() == 1000);
  CHECK(faultOf(parseCount("-1")) == "\"-1\" is negative");
  CHECK(faultOf(parseCount("010")) == "\"010\" begins with a zero -> 10");
  CHECK(faultOf(parseCount("00")) == "\"00\" begins with a zero -> 0");
  CHECK(faultOf(parseCount("1e3")) == "\"1e3\" is no whole number");
  CHECK(faultOf(parseCount("0x10")) == "\"0x10\" is no whole number");
  CHECK(faultOf(parseCount("1.0")) == "\"1.0\" is no whole number");
  CHECK(faultOf(parseCount("+1")) == "\"+1\" is no whole number");
  CHECK(faultOf(parseCount("1_000")) == "\"1_000\" is no whole number");
  CHECK(faultOf(parseCount("18446744073709551616")) == "\"18446744073709551616\" is too large");
}

TEST_CASE("booleans have three pairs of words") {
  for (const char* word : {"on", "true", "yes"}) CHECK(parseBoolean(word).value());
  for (const char* word : {"off", "false", "no"}) CHECK_FALSE(parseBoolean(word).value());
  CHECK(faultOf(parseBoolean("On")) == "\"On\" is neither on nor off -> on");
  CHECK(faultOf(parseBoolean("1")) == "\"1\" is neither on nor off -> on");
  CHECK(faultOf(parseBoolean("0")) == "\"0\" is neither on nor off -> off");
  CHECK(faultOf(parseBoolean("flase")) == "\"flase\" is neither on nor off -> false");
  CHECK(faultOf(parseBoolean("enabled")) == "\"enabled\" is neither on nor off");
}

TEST_CASE("values are written the way they are read") {
  CHECK(durationText(0s) == "0s");
  CHECK(durationText(1ms) == "1ms");
  CHECK(durationText(90min) == "1h30m");
  CHECK(durationText(720h) == "30d");
  CHECK(durationText(61s + 5ms) == "1m1s5ms");
  CHECK(sizeText(0) == "0");
  CHECK(sizeText(1000) == "1000");
  CHECK(sizeText(65536) == "64k");
  CHECK(sizeText(3 << 20) == "3m");
  CHECK(sizeText(1ULL << 40) == "1024g");
}

TEST_CASE("shares are parts of the whole, to a millionth") {
  CHECK(parseShare("1").value() == 1'000'000);
  CHECK(parseShare("1.000").value() == 1'000'000);
  CHECK(parseShare("0.1").value() == 100'000);
  CHECK(parseShare("0.000001").value() == 1);
  for (const char* text : {"1", "0.1", "0.25", "0.000001", "0.999999"})
    CHECK(shareText(parseShare(text).value()) == text);
  CHECK(faultOf(parseShare("0")) == "must be between 0.000001 and 1");
  CHECK(faultOf(parseShare("99999999999999999999")) == "must be between 0.000001 and 1");
  CHECK(faultOf(parseShare("0.0000001")) == "must be between 0.000001 and 1");
  CHECK(faultOf(parseShare("a")) == "\"a\" is no number such as 0.1");
  CHECK_FALSE(parseShare("").ok());
  CHECK_FALSE(parseShare("-0.1").ok());
}

}  // namespace oxbow::config
