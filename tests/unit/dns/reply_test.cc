#include "proxy/dns/reply.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/dns/packet_builder.h"

// What a packet that is one comes to. What breaks the format is in reply_format_test.cc.

namespace oxbow::dns {
namespace {

using namespace std::chrono_literals;

using Texts = std::vector<std::string>;

Reply read(const PacketBuilder& packet, Type type = Type::A) {
  return readPacket(packet.build(), "a.test", type);
}

PacketBuilder ask(Type type = Type::A) { return {"a.test", type}; }

Texts texts(const Reply& reply) {
  Texts all;
  for (const SocketAddress& address : reply.addresses) all.push_back(address.text());
  return all;
}

// Only Found has records.
void checkEnded(const Reply& reply, Outcome outcome, Duration ttl = 0s) {
  CHECK(textOf(reply.outcome) == textOf(outcome));
  CHECK(reply.ttl == ttl);
  CHECK(reply.addresses.empty());
  CHECK(reply.services.empty());
}

void checkAddresses(const Reply& reply, const Texts& addresses, Duration ttl) {
  CHECK(textOf(reply.outcome) == "found");
  CHECK(texts(reply) == addresses);
  CHECK(reply.services.empty());
  CHECK(reply.ttl == ttl);
}

void checkServices(const Reply& reply, const std::vector<Service>& services, Duration ttl) {
  CHECK(textOf(reply.outcome) == "found");
  CHECK(reply.services == services);
  CHECK(reply.addresses.empty());
  CHECK(reply.ttl == ttl);
}

std::string numbered(size_t i) { return "n" + std::to_string(i) + ".test"; }

// a.test, n1.test … through so many aliases to an address.
PacketBuilder chainOf(size_t aliases) {
  PacketBuilder packet = ask();
  std::string name = "a.test";
  for (size_t i = 1; i <= aliases; ++i) {
    packet.alias(name, numbered(i));
    name = numbered(i);
  }
  return packet.address(name, "192.0.2.1");
}

TEST_CASE("every outcome has a text") {
  Texts all;
  for (uint8_t i = 0; i < static_cast<uint8_t>(Outcome::Count); ++i)
    all.emplace_back(textOf(static_cast<Outcome>(i)));
  CHECK(all == Texts{"found", "nxdomain", "nodata", "servfail", "refused", "malformed",
                     "cname_chain", "timeout", "unreachable", "overload"});
}

TEST_CASE("addresses are given in the order of the answer") {
  checkAddresses(read(ask()
                          .address("a.test", "192.0.2.9", 60)
                          .address("a.test", "192.0.2.1", 60)
                          .address("a.test", "192.0.2.5", 60)),
                 {"192.0.2.9:0", "192.0.2.1:0", "192.0.2.5:0"}, 60s);
  checkAddresses(
      read(
          ask(Type::Aaaa).address("a.test", "2001:db8::2", 60).address("a.test", "2001:db8::1", 60),
          Type::Aaaa),
      {"[2001:db8::2]:0", "[2001:db8::1]:0"}, 60s);
}

TEST_CASE("case does not matter, in none of the names") {
  const PacketBuilder packet = PacketBuilder("A.tEST", Type::A)
                                   .alias("a.Test", "B.test")
                                   .alias("b.TEST", "c.test")
                                   .address("C.Test", "192.0.2.1");
  for (const char* name : {"a.test", "A.TEST", "a.tEst"})
    checkAddresses(readPacket(packet.build(), name, Type::A), {"192.0.2.1:0"}, 300s);
}

TEST_CASE("case is of letters only") {
  // '[' and '{', '@' and '`' differ by the bit that makes lower case of letters.
  for (const char* other : {"{.test", "`.test"}) {
    const std::string name = other[0] == '{' ? "[.test" : "@.test";
    const Reply reply =
        readPacket(PacketBuilder(name, Type::A).address(other, "192.0.2.1").build(), name, Type::A);
    checkEnded(reply, Outcome::NoData);
  }
}

TEST_CASE("duplicates are left out, the first place counts") {
  checkAddresses(read(ask()
                          .address("a.test", "192.0.2.1")
                          .address("a.test", "192.0.2.2")
                          .address("a.test", "192.0.2.1")
                          .address("a.test", "192.0.2.2")),
                 {"192.0.2.1:0", "192.0.2.2:0"}, 300s);
}

TEST_CASE("the TTL is the least of the records used") {
  SUBCASE("a duplicate is one") {
    checkAddresses(
        read(ask().address("a.test", "192.0.2.1", 90).address("a.test", "192.0.2.1", 30)),
        {"192.0.2.1:0"}, 30s);
  }
  SUBCASE("an alias is one, of any place in the chain") {
    for (const uint32_t first : {20u, 40u})
      checkAddresses(read(ask()
                              .alias("a.test", "b.test", first)
                              .alias("b.test", "c.test", 60 - first)
                              .address("c.test", "192.0.2.1", 90)),
                     {"192.0.2.1:0"}, 20s);
  }
  SUBCASE("records of other names, types and classes are none") {
    checkAddresses(
        read(ask()
                 .address("b.test", "192.0.2.9", 1)
                 .alias("c.test", "d.test", 1)
                 .address("a.test", "2001:db8::1", 1)
                 .record(PacketBuilder::kAnswers, wholeName("a.test"), 1, 1, "\1\2\3\4", 3)
                 .address("a.test", "192.0.2.1", 90)
                 .authority("test", 1, 1)),
        {"192.0.2.1:0"}, 90s);
  }
}

TEST_CASE("a TTL is given as it is: 0, and with its highest bit") {
  checkAddresses(read(ask().address("a.test", "192.0.2.1", 0)), {"192.0.2.1:0"}, 0s);
  // RFC 8767, section 4: positive, not 0.
  checkAddresses(read(ask().address("a.test", "192.0.2.1", 0x80000000)), {"192.0.2.1:0"},
                 2147483648s);
  checkAddresses(read(ask().address("a.test", "192.0.2.1", 0xffffffff)), {"192.0.2.1:0"},
                 4294967295s);
}

TEST_CASE("aliases are followed, in whatever order they stand") {
  const Texts expected{"192.0.2.1:0"};
  checkAddresses(read(ask()
                          .alias("a.test", "b.test")
                          .alias("b.test", "c.example")
                          .address("c.example", "192.0.2.1")),
                 expected, 300s);
  checkAddresses(read(ask()
                          .address("c.example", "192.0.2.1")
                          .alias("b.test", "c.example")
                          .alias("a.test", "b.test")),
                 expected, 300s);
}

TEST_CASE("only the end of the chain has addresses") {
  // RFC 1034, section 3.6.2: with an alias, a name has nothing else.
  checkAddresses(read(ask()
                          .address("a.test", "192.0.2.7")
                          .alias("a.test", "b.test")
                          .address("b.test", "192.0.2.1")
                          .address("c.test", "192.0.2.8")),
                 {"192.0.2.1:0"}, 300s);
  checkEnded(read(ask().address("a.test", "192.0.2.7").alias("a.test", "b.test")), Outcome::NoData);
}

TEST_CASE("a name whose labels are written alike in text is another one") {
  // One label "a.test", with a dot in it.
  checkEnded(read(ask().answer("\x06"
                               "a.test" +
                                   std::string(1, '\0'),
                               1, 300, "\1\2\3\4")),
             Outcome::NoData);
}

TEST_CASE("records of other names are not used") {
  for (const char* other : {"test", "b.a.test", "aa.test", "a.tes", "a.test.test", ""})
    checkEnded(read(ask().address(other, "192.0.2.1")), Outcome::NoData);
}

TEST_CASE("aliases are followed up to a number, and loops end there") {
  checkAddresses(read(chainOf(kMaxAliases)), {"192.0.2.1:0"}, 300s);
  checkEnded(read(chainOf(kMaxAliases + 1)), Outcome::TooLong);
  checkEnded(read(ask().alias("a.test", "a.test")), Outcome::TooLong);
  checkEnded(
      read(
          ask().alias("a.test", "b.test").alias("b.test", "a.test").address("a.test", "192.0.2.1")),
      Outcome::TooLong);
}

TEST_CASE("a loop beside the chain does no harm") {
  checkAddresses(
      read(
          ask().alias("x.test", "y.test").alias("y.test", "x.test").address("a.test", "192.0.2.1")),
      {"192.0.2.1:0"}, 300s);
}

TEST_CASE("an alias may be told twice, but has one target") {
  checkAddresses(read(ask()
                          .alias("a.test", "b.test", 60)
                          .alias("A.test", "B.test", 30)
                          .address("b.test", "192.0.2.1")),
                 {"192.0.2.1:0"}, 30s);
  // RFC 2181, section 10.1.
  checkEnded(
      read(
          ask().alias("a.test", "b.test").alias("a.test", "c.test").address("b.test", "192.0.2.1")),
      Outcome::Malformed);
}

TEST_CASE("other types are skipped, wherever they stand") {
  const std::string junk = "\xc0\xff\x40";
  PacketBuilder packet = ask();
  for (const uint16_t type :
       {PacketBuilder::kTxt, PacketBuilder::kDname, PacketBuilder::kRrsig, uint16_t{65280}})
    packet.answer(wholeName("a.test"), type, 1, junk);
  packet.answer(wholeName("a.test"), PacketBuilder::kSoa, 1, junk);  // means nothing here
  packet.address("a.test", "192.0.2.1");
  packet.record(PacketBuilder::kAuthorities, wholeName("test"), 2, 1, junk);
  packet.record(PacketBuilder::kAdditional, wholeName("a.test"), 1, 1, "\1\2\3\4");
  packet.record(PacketBuilder::kAdditional, wholeName("test"), PacketBuilder::kSoa, 1, junk);
  packet.record(PacketBuilder::kAdditional, wholeName(""), PacketBuilder::kOpt, 0x8000, junk, 1232);
  checkAddresses(read(packet), {"192.0.2.1:0"}, 300s);
}

TEST_CASE("other classes are skipped") {
  constexpr uint16_t kChaos = 3;
  PacketBuilder packet = ask();
  packet.record(PacketBuilder::kAnswers, wholeName("a.test"), PacketBuilder::kCname, 1,
                wholeName("b.test"), kChaos);
  packet.record(PacketBuilder::kAnswers, wholeName("a.test"), 1, 1, "\1\2\3", kChaos);
  SUBCASE("with an address") {
    checkAddresses(read(packet.address("a.test", "192.0.2.1")), {"192.0.2.1:0"}, 300s);
  }
  SUBCASE("with an authority") {
    packet.record(PacketBuilder::kAuthorities, wholeName("test"), PacketBuilder::kSoa, 1, "",
                  kChaos);
    checkEnded(read(packet.authority("test", 60, 60)), Outcome::NoData, 60s);
  }
}

TEST_CASE("a name without records of the type has no data, for as long as the zone says") {
  checkEnded(read(ask()), Outcome::NoData);
  checkEnded(read(ask().address("a.test", "2001:db8::1")), Outcome::NoData);
  // RFC 2308, section 5: the lesser of the two.
  checkEnded(read(ask().authority("test", 60, 900)), Outcome::NoData, 60s);
  checkEnded(read(ask().authority("test", 900, 60)), Outcome::NoData, 60s);
  checkEnded(read(ask().authority("test", 0xffffffff, 0xfffffffe)), Outcome::NoData, 4294967294s);
  for (const uint32_t first : {30u, 50u})
    checkEnded(read(ask().authority("test", 900, first).authority("test", 80 - first, 900)),
               Outcome::NoData, 30s);
  checkEnded(read(ask().alias("a.test", "b.test").authority("test", 60, 900)), Outcome::NoData,
             60s);
}

TEST_CASE("an alias that leads to nothing is not believed for longer than it says") {
  checkEnded(read(ask().alias("a.test", "b.test", 10).authority("test", 60, 900)), Outcome::NoData,
             10s);
  checkEnded(read(ask().rcode(3).alias("a.test", "b.test", 10).authority("test", 60, 900)),
             Outcome::NoName, 10s);
  checkEnded(read(ask().alias("a.test", "b.test", 10)), Outcome::NoData);
}

TEST_CASE("NXDOMAIN is one, whatever records come along") {
  checkEnded(read(ask().rcode(3)), Outcome::NoName);
  checkEnded(read(ask().rcode(3).authority("test", 60, 900)), Outcome::NoName, 60s);
  checkEnded(read(ask().rcode(3).authority("test", 900, 60)), Outcome::NoName, 60s);
  // RFC 2308, section 2.1: the last name of the chain does not exist.
  checkEnded(read(ask().rcode(3).alias("a.test", "b.test").authority("test", 60, 900)),
             Outcome::NoName, 60s);
  checkEnded(read(ask().rcode(3).address("a.test", "192.0.2.1").authority("test", 60, 900)),
             Outcome::NoName, 60s);
  checkEnded(read(ask().rcode(3).alias("a.test", "a.test")), Outcome::TooLong);
}

TEST_CASE("an authority counts in its own section only") {
  for (const auto section : {PacketBuilder::kAnswers, PacketBuilder::kAdditional})
    checkEnded(read(ask().rcode(3).record(section, wholeName("test"), PacketBuilder::kSoa, 60,
                                          PacketBuilder::soaBytes(60))),
               Outcome::NoName);
}

TEST_CASE("what the server says it could not do") {
  const Outcome expected[16] = {Outcome::NoData,    // NoError
                                Outcome::Refused,   // FormErr
                                Outcome::ServFail,  // ServFail
                                Outcome::NoName,    // NXDomain
                                Outcome::Refused,   // NotImp
                                Outcome::Refused,   // Refused
                                Outcome::ServFail,  // YXDomain and what else there may be
                                Outcome::ServFail, Outcome::ServFail, Outcome::ServFail,
                                Outcome::ServFail, Outcome::ServFail, Outcome::ServFail,
                                Outcome::ServFail, Outcome::ServFail, Outcome::ServFail};
  for (unsigned rcode = 0; rcode < 16; ++rcode) {
    CAPTURE(rcode);
    checkEnded(read(ask().rcode(rcode)), expected[rcode]);
    if (rcode != 0)
      checkEnded(read(ask().rcode(rcode).address("a.test", "192.0.2.1")), expected[rcode]);
  }
}

TEST_CASE("flags that do not matter") {
  // AA, RD, RA, Z, AD, CD.
  for (const unsigned flag : {0x0400u, 0x0100u, 0x0080u, 0x0040u, 0x0020u, 0x0010u})
    checkAddresses(read(ask().flags(0x8000 | flag).address("a.test", "192.0.2.1")), {"192.0.2.1:0"},
                   300s);
}

TEST_CASE("services") {
  const std::string target = wholeName("Host-1.b_c.example");
  checkServices(read(ask(Type::Srv)
                         .service("a.test", 10, 60, 8080, target, 90)
                         .service("a.test", 0xffff, 0, 0xfffe, target, 60),
                     Type::Srv),
                {{10, 60, 8080, "host-1.b_c.example"}, {0xffff, 0, 0xfffe, "host-1.b_c.example"}},
                60s);
}

TEST_CASE("services of an alias") {
  checkServices(read(ask(Type::Srv)
                         .alias("a.test", "b.test", 30)
                         .service("a.test", 1, 2, 3, wholeName("x.test"))
                         .service("b.test", 1, 2, 3, wholeName("y.test")),
                     Type::Srv),
                {{1, 2, 3, "y.test"}}, 30s);
  checkEnded(read(ask(Type::Srv).alias("a.test", "b.test"), Type::Srv), Outcome::NoData);
}

TEST_CASE("a service that is not available has no target") {
  checkServices(read(ask(Type::Srv).service("a.test", 0, 0, 0, wholeName("")), Type::Srv),
                {{0, 0, 0, ""}}, 300s);
}

TEST_CASE("services that differ in anything are two") {
  const auto all = ask(Type::Srv)
                       .service("a.test", 1, 2, 3, wholeName("x.test"))
                       .service("a.test", 9, 2, 3, wholeName("x.test"))
                       .service("a.test", 1, 9, 3, wholeName("x.test"))
                       .service("a.test", 1, 2, 9, wholeName("x.test"))
                       .service("a.test", 1, 2, 3, wholeName("y.test"))
                       .service("a.test", 1, 2, 3, wholeName("X.Test"));
  checkServices(read(all, Type::Srv),
                {{1, 2, 3, "x.test"},
                 {9, 2, 3, "x.test"},
                 {1, 9, 3, "x.test"},
                 {1, 2, 9, "x.test"},
                 {1, 2, 3, "y.test"}},
                300s);
}

TEST_CASE("a target may be compressed") {
  PacketBuilder packet = ask(Type::Srv);
  packet.service("a.test", 1, 2, 3, labels("host") + pointer(PacketBuilder::kQuestion + 2));
  packet.service("a.test", 1, 2, 4, pointer(PacketBuilder::kQuestion));
  checkServices(read(packet, Type::Srv), {{1, 2, 3, "host.test"}, {1, 2, 4, "a.test"}}, 300s);
}

TEST_CASE("a target is a name that a host may have") {
  const auto outcome = [](const std::string& target) {
    return read(ask(Type::Srv).service("a.test", 1, 2, 3, target), Type::Srv).outcome;
  };
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const bool good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
    const std::string label{'\3', 'x', static_cast<char>(byte), 'y'};
    const Outcome expected = good ? Outcome::Found : Outcome::Malformed;
    CHECK(outcome(label + wholeName("test")) == expected);
    CHECK(outcome(labels("x") + label + '\0') == expected);
  }
}

TEST_CASE("a target is no IPv4 address") {
  const auto outcome = [](std::string_view target) {
    return read(ask(Type::Srv).service("a.test", 1, 2, 3, wholeName(target)), Type::Srv).outcome;
  };
  for (const char* target : {"127.0.0.1", "169.254.169.254", "127.1", "2130706433", "a.0"})
    CHECK_MESSAGE(outcome(target) == Outcome::Malformed, target);
  for (const char* target : {"127.0.0.1.a", "1a", "0.a", "1-1"})
    CHECK_MESSAGE(outcome(target) == Outcome::Found, target);
}

TEST_CASE("a thousand addresses are used") {
  const auto nth = [](size_t i) {
    return "10.0." + std::to_string(i / 256) + '.' + std::to_string(i % 256);
  };
  PacketBuilder packet = ask();
  for (size_t i = 0; i < kMaxAddresses; ++i) {
    packet.address("a.test", nth(i).c_str());
    packet.address("a.test", "10.0.0.0");  // duplicates take no room
  }
  CHECK(read(packet).addresses.size() == kMaxAddresses);
  packet.address("a.test", nth(kMaxAddresses).c_str(), 1);  // not used, nor is its TTL
  const Reply reply = read(packet);
  const Texts used = texts(reply);
  REQUIRE(used.size() == kMaxAddresses);
  for (size_t i = 0; i < kMaxAddresses; ++i) CHECK(used[i] == nth(i) + ":0");
  CHECK(reply.ttl == 300s);
}

TEST_CASE("256 services are used") {
  PacketBuilder packet = ask(Type::Srv);
  const auto add = [&](size_t i, uint32_t ttl) {
    packet.service("a.test", 1, 2, static_cast<uint16_t>(i), pointer(PacketBuilder::kQuestion),
                   ttl);
  };
  for (size_t i = 0; i < kMaxServices; ++i) add(i, 300);
  CHECK(read(packet, Type::Srv).services.size() == kMaxServices);
  add(kMaxServices, 1);
  const Reply reply = read(packet, Type::Srv);
  REQUIRE(reply.services.size() == kMaxServices);
  CHECK(reply.services.back().port == kMaxServices - 1);
  CHECK(reply.ttl == 300s);
}

TEST_CASE("what is malformed is so also behind the records that are used") {
  PacketBuilder packet = ask();
  for (size_t i = 0; i <= kMaxAddresses; ++i)
    packet.answer(pointer(PacketBuilder::kQuestion), 1, 300, bytes32(static_cast<uint32_t>(i)));
  CHECK(read(packet).outcome == Outcome::Found);
  packet.answer(pointer(PacketBuilder::kQuestion), 1, 300, "\1\2\3");
  checkEnded(read(packet), Outcome::Malformed);
}

}  // namespace
}  // namespace oxbow::dns
