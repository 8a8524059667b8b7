#include "proxy/codec/http/field_writer.h"

#include <string>

#include "tests/unit/codec/parsing.h"

namespace oxbow::http {
namespace {

struct Storage {
  char bytes[64];
  Field fields[2];
  FieldWriter writer{bytes, sizeof(bytes), fields, 2};

  std::string wire() const {
    const FieldBlock block = writer.block();
    return std::string(block.base, block.end);
  }
};

TEST_CASE("added lines are in wire form and known by name") {
  Storage storage;
  REQUIRE(storage.writer.add("X-Forwarded-For", "127.0.0.1"));
  REQUIRE(storage.writer.add("X-Empty", ""));
  CHECK(storage.wire() == "X-Forwarded-For: 127.0.0.1\r\nX-Empty: \r\n");
  const FieldBlock block = storage.writer.block();
  CHECK(block.count == 2);
  CHECK(block.seen == (bitOf(Name::XForwardedFor) | bitOf(Name::Other)));
  CHECK(block.value(Name::XForwardedFor) == "127.0.0.1");
  CHECK(http1::textOf(block) == "X-Forwarded-For=127.0.0.1;X-Empty=;");
}

TEST_CASE("what does not fit leaves the block as it was") {
  Storage storage;
  REQUIRE(storage.writer.add("A", "1"));
  SUBCASE("bytes") {
    // "A: 1 CRLF" are 6 bytes; "B: " and CRLF 5, so that 53 bytes of value are the most.
    CHECK_FALSE(storage.writer.add("B", std::string(54, 'x')));
    CHECK_FALSE(storage.writer.add("B", std::string(100, 'x')));
    CHECK_FALSE(storage.writer.add(std::string(100, 'b'), ""));
    CHECK(storage.wire() == "A: 1\r\n");
    CHECK(storage.writer.add("B", std::string(53, 'x')));
    CHECK(storage.writer.block().end == 64);
  }
  SUBCASE("fields") {
    REQUIRE(storage.writer.add("B", "2"));
    CHECK_FALSE(storage.writer.add("C", "3"));
    CHECK(storage.wire() == "A: 1\r\nB: 2\r\n");
  }
}

TEST_CASE("nothing can forge or end a line") {
  Storage storage;
  for (const char* value : {"a\r\nX: y", "a\rb", "a\nb", "\x01", "\x7f", "a\x1f"})
    CHECK_FALSE(storage.writer.add("A", value));
  CHECK_FALSE(storage.writer.add("A", std::string_view("\0", 1)));
  for (const char* name : {"", "A:", "A B", "A\r", " A", "A\t", "\xc3\xa4", "A/B"})
    CHECK_FALSE(storage.writer.add(name, "x"));
  CHECK(storage.writer.block().count == 0);
  CHECK(storage.writer.block().seen == 0);
  CHECK(storage.writer.add("A", "tab\t, \"quotes\" and \xc3\xa4"));
}

TEST_CASE("a name has at most 1023 bytes") {
  char bytes[4096];
  Field field[2];
  FieldWriter writer(bytes, sizeof(bytes), field, 2);
  CHECK_FALSE(writer.add(std::string(1024, 'n'), ""));
  CHECK(writer.add(std::string(1023, 'n'), ""));
  CHECK(writer.block().nameAt(field[0]).size() == 1023);
}

TEST_CASE("lines with a known name only need room") {
  Storage storage;
  REQUIRE(storage.writer.addKnown(Name::Via, "Via", "1.1 a"));
  CHECK_FALSE(storage.writer.addKnown(Name::Date, "Date", std::string(45, 'x')));
  CHECK(storage.wire() == "Via: 1.1 a\r\n");
  REQUIRE(storage.writer.addKnown(Name::Date, "Date", std::string(44, 'x')));
  CHECK(storage.writer.block().end == 64);
  CHECK(storage.writer.block().value(Name::Via) == "1.1 a");
  CHECK_FALSE(storage.writer.addKnown(Name::Te, "", ""));
}

TEST_CASE("a cleared writer begins again") {
  Storage storage;
  REQUIRE(storage.writer.add("Via", "1.1 a"));
  storage.writer.clear();
  CHECK(storage.writer.block().count == 0);
  CHECK(storage.writer.block().seen == 0);
  REQUIRE(storage.writer.add("B", "2"));
  CHECK(storage.wire() == "B: 2\r\n");
}

}  // namespace
}  // namespace oxbow::http
