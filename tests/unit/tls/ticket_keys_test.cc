#include "proxy/tls/ticket_keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/support/test_ca.h"
#include "tests/unit/tls/block.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using Key = TicketKeys::Key;

namespace {

struct TicketFixture {
  ManualClock clock;
  TicketKeys keys{clock, 12h};
  test::TestCa files;
  Told told;

  std::optional<TicketKeys::Found> open(const Key& key) {
    uint8_t name[16];
    std::copy(key.name.begin(), key.name.end(), name);
    return keys.opening(name);
  }
  Located<std::string> file(const std::string& name, const std::string& bytes, mode_t mode = 0600) {
    return at(files.write(name, bytes, mode));
  }
};

bool same(const Key& a, const Key& b) {
  return a.name == b.name && a.size == b.size && a.aes == b.aes && a.mac == b.mac;
}

std::string text(const std::array<uint8_t, 32>& secret, size_t size) {
  return {reinterpret_cast<const char*>(secret.data()), size};
}

const std::string kName(16, 'n');

}  // namespace

TEST_CASE_FIXTURE(TicketFixture, "a key seals for its period") {
  const Key first = keys.sealing();
  clock.advance(12h - 1ns);
  CHECK(same(keys.sealing(), first));
  clock.advance(1ns);
  CHECK_FALSE(same(keys.sealing(), first));
}

TEST_CASE_FIXTURE(TicketFixture,
                  "a former key opens for one more period, and its tickets are renewed") {
  const Key first = keys.sealing();
  REQUIRE(open(first));
  CHECK_FALSE(open(first)->renew);
  clock.advance(12h);
  REQUIRE(open(first));
  CHECK(open(first)->renew);
  CHECK(same(open(first)->key, first));
  clock.advance(12h - 1ns);
  CHECK(open(first));
  clock.advance(1ns);
  CHECK_FALSE(open(first));
}

TEST_CASE_FIXTURE(TicketFixture, "keys end in time though nobody asks meanwhile") {
  const Key first = keys.sealing();
  clock.advance(30h);
  CHECK_FALSE(open(first));
  // The periods are those that would have been with somebody asking.
  const Key third = keys.sealing();
  clock.advance(6h - 1ns);
  CHECK(same(keys.sealing(), third));
  clock.advance(1ns);
  CHECK_FALSE(same(keys.sealing(), third));
  CHECK(open(third));
}

TEST_CASE_FIXTURE(TicketFixture, "a period may change") {
  const Key first = keys.sealing();
  clock.advance(2h);
  keys.setPeriod(1h);
  CHECK_FALSE(open(first));
}

TEST_CASE_FIXTURE(TicketFixture, "keys of their own differ in all their parts") {
  TicketKeys others(clock, 12h);
  const Key a = keys.sealing();
  const Key b = others.sealing();
  CHECK(a.name != b.name);
  CHECK(a.aes != b.aes);
  CHECK(a.mac != b.mac);
  CHECK(a.aes != a.mac);
  CHECK(a.size == 32);
}

TEST_CASE_FIXTURE(TicketFixture,
                  "a file of 80 bytes is a name, the key of HMAC, and that of AES-256") {
  REQUIRE(
      keys.load({file("a", kName + std::string(32, 'm') + std::string(32, 'e'))}, told.complaints));
  const Key key = keys.sealing();
  CHECK(std::all_of(key.name.begin(), key.name.end(), [](uint8_t byte) { return byte == 'n'; }));
  CHECK(key.size == 32);
  CHECK(text(key.mac, 32) == std::string(32, 'm'));
  CHECK(text(key.aes, 32) == std::string(32, 'e'));
}

TEST_CASE_FIXTURE(TicketFixture,
                  "a file of 48 bytes is a name, the key of AES-128, and that of HMAC") {
  REQUIRE(
      keys.load({file("a", kName + std::string(16, 'e') + std::string(16, 'm'))}, told.complaints));
  const Key key = keys.sealing();
  CHECK(key.size == 16);
  CHECK(text(key.mac, 16) == std::string(16, 'm'));
  CHECK(text(key.aes, 16) == std::string(16, 'e'));
}

TEST_CASE_FIXTURE(TicketFixture, "of several files the first seals, and all open") {
  const Key own = keys.sealing();
  REQUIRE(keys.load({file("a", std::string(80, 'a')), file("b", std::string(80, 'b'))},
                    told.complaints));
  const Key first = keys.sealing();
  CHECK(first.name[0] == 'a');
  Key second;
  second.name.fill('b');
  REQUIRE(open(second));
  CHECK(open(second)->renew);
  CHECK(open(second)->key.aes[0] == 'b');
  CHECK_FALSE(open(first)->renew);
  CHECK_FALSE(open(own));
}

TEST_CASE_FIXTURE(TicketFixture, "keys from files do not rotate") {
  REQUIRE(keys.load({file("a", std::string(80, 'a'))}, told.complaints));
  clock.advance(1000h);
  CHECK(keys.sealing().name[0] == 'a');
}

TEST_CASE_FIXTURE(TicketFixture, "without files it makes its own again") {
  const Key own = keys.sealing();
  REQUIRE(keys.load({}, told.complaints));
  CHECK(same(keys.sealing(), own));
  REQUIRE(keys.load({file("a", std::string(80, 'a'))}, told.complaints));
  REQUIRE(keys.load({}, told.complaints));
  const Key next = keys.sealing();
  CHECK_FALSE(same(next, own));
  Key fromFile;
  fromFile.name.fill('a');
  CHECK_FALSE(open(fromFile));
}

TEST_CASE_FIXTURE(TicketFixture, "files that are wrong are told, and change nothing") {
  const Key own = keys.sealing();
  SUBCASE("a wrong size") {
    CHECK_FALSE(keys.load({file("a", std::string(79, 'a'))}, told.complaints));
    checkOne(told.errors, "session_ticket_keys", "has 79 bytes; a key has 80 or 48");
  }
  SUBCASE("no such file") {
    CHECK_FALSE(
        keys.load({file("a", std::string(80, 'a')), at(files.path("none"))}, told.complaints));
    checkOne(told.errors, "session_ticket_keys[1]", "no such file");
  }
  SUBCASE("everybody may write it") {
    CHECK_FALSE(keys.load({file("a", std::string(80, 'a'), 0602)}, told.complaints));
    checkOne(told.errors, "session_ticket_keys", "everybody may write it");
  }
  CHECK(same(keys.sealing(), own));
}

TEST_CASE_FIXTURE(TicketFixture, "a key that everybody may read is warned of") {
  CHECK(keys.load({file("a", std::string(80, 'a'), 0644)}, told.complaints));
  checkOne(told.warnings, "session_ticket_keys", "everybody may read it");
}

TEST_CASE_FIXTURE(TicketFixture, "reading is not using") {
  const Key own = keys.sealing();
  auto read = TicketKeys::read({file("a", std::string(80, 'a'))}, told.complaints);
  REQUIRE(read);
  CHECK(same(keys.sealing(), own));
  keys.use(std::move(*read));
  CHECK(keys.sealing().name[0] == 'a');
}
