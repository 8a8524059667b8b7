#include "proxy/codec/http/scan.h"

#include <string>

#include "tests/unit/codec/parsing.h"

namespace oxbow::http {
namespace {

// `Class` by its definition, one byte at a time.
template <typename Class>
size_t runByByte(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && Class::contains(text[at])) ++at;
  return at;
}

// Puts every byte at every place of texts that go through all ways of skip(): within the first
// block, the second, the rest, and with less than a block in all.
template <typename Class>
void checkEveryByteAndPlace() {
  for (const size_t size : {0, 1, 15, 16, 17, 31, 32, 33, 50}) {
    for (size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'a');
        text[place] = static_cast<char>(byte);
        const http1::ExactBytes bytes(text);
        const char* begin = bytes.view().data();
        const Input input{begin, begin + size};
        const auto run = static_cast<size_t>(skip<Class>(begin, input) - begin);
        if (run != runByByte<Class>(text)) {
          CAPTURE(size);
          CAPTURE(place);
          CAPTURE(byte);
          CHECK(run == runByByte<Class>(text));
        }
      }
    }
  }
}

TEST_CASE("scans agree with the classes of bytes") {
  checkEveryByteAndPlace<WordBytes>();
  checkEveryByteAndPlace<TextBytes>();
  checkEveryByteAndPlace<TargetBytes>();
  checkEveryByteAndPlace<PathBytes>();
  checkEveryByteAndPlace<PlainPathBytes>();
}

TEST_CASE("a scan may begin anywhere in its input") {
  const http1::ExactBytes bytes("GET / HTTP/1.1\r\nHost: example.org");
  const std::string_view text = bytes.view();
  const Input input{text.data(), text.data() + text.size()};
  for (size_t at = 0; at <= text.size(); ++at) {
    CAPTURE(at);
    const char* end = skip<WordBytes>(text.data() + at, input);
    CHECK(static_cast<size_t>(end - text.data()) == at + runByByte<WordBytes>(text.substr(at)));
  }
}

TEST_CASE("the classes are those of the RFCs") {
  const std::string_view tokenMarks = "!#$%&'*+-.^_`|~";  // RFC 9110, section 5.6.2
  for (int i = 0; i < 256; ++i) {
    const char byte = static_cast<char>(i);
    const bool digit = i >= '0' && i <= '9';
    const bool letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    CAPTURE(i);
    CHECK(isIn(kTokenClass, byte) ==
          (digit || letter || (i != 0 && tokenMarks.find(byte) != std::string_view::npos)));
    CHECK(isIn(kValueClass, byte) == (i == '\t' || (i >= 0x20 && i != 0x7f)));
    CHECK(isIn(kTargetClass, byte) == (i > 0x20 && i < 0x7f && i != '#'));
    CHECK(isIn(kQuotedClass, byte) ==
          (i == '\t' || (i >= 0x20 && i != 0x7f && i != '"' && i != '\\')));
    CHECK(isIn(kHexClass, byte) == (digit || (i >= 'a' && i <= 'f') || (i >= 'A' && i <= 'F')));
    CHECK(isDigit(byte) == digit);
  }
}

TEST_CASE("tabs are part of a value") {
  const http1::ExactBytes bytes("a\tb\t\tc, and some more of it\td\re");
  const char* begin = bytes.view().data();
  const char* end = skipValue(begin, {begin, begin + bytes.view().size()});
  CHECK(*end == '\r');
  const http1::ExactBytes tabsOnly("\t\t\t");
  const char* tabs = tabsOnly.view().data();
  CHECK(skipValue(tabs, {tabs, tabs + 3}) == tabs + 3);
}

}  // namespace
}  // namespace oxbow::http
