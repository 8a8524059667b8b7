#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

#include "proxy/dns/reply.h"
#include "proxy/dns/wire_reader.h"
#include "tests/unit/dns/packet_builder.h"

// What is no answer to the question, or breaks the format of RFC 1035, section 4.1.

namespace oxbow::dns {
namespace {

using namespace std::literals;

constexpr size_t kQuestion = PacketBuilder::kQuestion;

// In a block of exactly their size: a sanitizer sees every read beyond them.
Reply read(const std::string& packet, std::string_view name = "a.test", Type type = Type::A) {
  const std::unique_ptr<char[]> bytes(new char[packet.size()]);
  packet.copy(bytes.get(), packet.size());
  return readPacket({bytes.get(), packet.size()}, name, type);
}

Outcome outcome(const std::string& packet, std::string_view name = "a.test", Type type = Type::A) {
  const Reply reply = read(packet, name, type);
  if (reply.outcome != Outcome::Found) {
    CHECK(reply.addresses.empty());
    CHECK(reply.services.empty());
  }
  return reply.outcome;
}

Outcome outcome(const PacketBuilder& packet) { return outcome(packet.build()); }

PacketBuilder ask(Type type = Type::A) { return {"a.test", type}; }

PacketBuilder good() { return ask().address("a.test", "192.0.2.1"); }

// The reply when a record's owner is written like that; the question is for "a.test".
Outcome owned(const std::string& owner) { return outcome(ask().answer(owner, 1, 300, "\1\2\3\4")); }

// An answer whose additional records hold `packed`, and whose question is answered when a record is
// owned by a pointer to `at` behind its begin.
Outcome ledTo(const std::string& packed, size_t at) {
  PacketBuilder packet = ask();
  packet.answer(wholeName(""), PacketBuilder::kTxt, 1, packed);
  const size_t begin = packet.size() - packed.size();
  packet.answer(pointer(begin + at), 1, 300, "\1\2\3\4");
  return outcome(packet);
}

TEST_CASE("a packet that is cut anywhere is malformed") {
  const std::string packets[] = {
      good().build(),
      ask().alias("a.test", "b.test").address("b.test", "192.0.2.1").build(),
      good().authority("test", 60, 60).build(),
      ask().rcode(3).authority("test", 60, 60).build(),
      good().record(PacketBuilder::kAdditional, wholeName(""), PacketBuilder::kOpt, 0, "").build(),
      ask().rcode(2).build(),
      ask().build(),
  };
  for (const std::string& packet : packets) {
    CHECK(outcome(packet) != Outcome::Malformed);
    for (size_t size = 0; size < packet.size(); ++size) {
      CAPTURE(size);
      CHECK(outcome(packet.substr(0, size)) == Outcome::Malformed);
    }
  }
}

TEST_CASE("bytes behind the last record are not looked at") {
  for (const char* rest : {"x", "\xc0\x0c", "\x40\x80\xff\xff"})
    CHECK(outcome(good().build() + rest) == Outcome::Found);
}

TEST_CASE("a failure is told by header and question alone") {
  const std::string packet = good().rcode(2).build();
  CHECK(outcome(packet.substr(0, packet.size() - 1)) == Outcome::ServFail);
}

TEST_CASE("what is no whole response") {
  CHECK(outcome(good()) == Outcome::Found);
  CHECK(outcome(good().flags(0x0180)) == Outcome::Malformed);  // a query
  for (unsigned opcode = 1; opcode < 16; ++opcode)
    CHECK(outcome(good().flags(0x8180 | opcode << 11)) == Outcome::Malformed);
  for (unsigned rcode = 0; rcode < 16; ++rcode)
    CHECK(outcome(good().rcode(PacketBuilder::kTruncated | rcode)) == Outcome::Malformed);
}

TEST_CASE("another question") {
  const auto answered = [](const std::string& name, uint16_t type, uint16_t cls = 1) {
    return outcome(PacketBuilder().question(name, type, cls).address("a.test", "192.0.2.1"));
  };
  CHECK(answered(wholeName("a.test"), 1) == Outcome::Found);
  for (const char* name : {"b.test", "test", "a.a.test", "a.test.a", "a.tes", "a.testt", ""})
    CHECK_MESSAGE(answered(wholeName(name), 1) == Outcome::Malformed, name);
  CHECK(answered("\x06"
                 "a.test" +
                     std::string(1, '\0'),
                 1) == Outcome::Malformed);
  for (const uint16_t type : {0, 2, 28, 33, 255, 257})
    CHECK(answered(wholeName("a.test"), type) == Outcome::Malformed);
  for (const uint16_t cls : {0, 3, 4, 254, 255, 257})
    CHECK(answered(wholeName("a.test"), 1, cls) == Outcome::Malformed);
}

TEST_CASE("a failure is believed only of the question that was asked") {
  for (unsigned rcode = 0; rcode < 16; ++rcode) {
    CHECK(outcome(PacketBuilder("b.test", Type::A).rcode(rcode)) == Outcome::Malformed);
    CHECK(outcome(PacketBuilder("a.test", Type::Aaaa).rcode(rcode)) == Outcome::Malformed);
  }
}

TEST_CASE("one question, no more and no less") {
  CHECK(outcome(PacketBuilder().address("a.test", "192.0.2.1")) == Outcome::Malformed);
  CHECK(outcome(PacketBuilder()) == Outcome::Malformed);
  CHECK(outcome(PacketBuilder().rcode(1)) == Outcome::Malformed);
  CHECK(outcome(ask().question(wholeName("a.test"), 1).address("a.test", "192.0.2.1")) ==
        Outcome::Malformed);
  CHECK(outcome(good().count(PacketBuilder::kQuestions, 0)) == Outcome::Malformed);
  CHECK(outcome(good().count(PacketBuilder::kQuestions, 0xffff)) == Outcome::Malformed);
}

TEST_CASE("names in wire form") {
  CHECK(wireName("") == "\0"s);
  CHECK(wireName("A.tEst") == "\1a\4test\0"s);
  CHECK(hostText(wireName("")) == "");
  CHECK(hostText(wireName("a.b-1.c_d")) == "a.b-1.c_d");
  const std::string label(63, 'x');
  CHECK(wireName(label) == labels(label) + '\0');
  CHECK(wireName(label + 'x').empty());
  const std::string three = label + '.' + label + '.' + label + '.';
  CHECK(wireName(three + std::string(61, 'x')).size() == 255);
  CHECK(wireName(three + std::string(62, 'x')).empty());
  for (const char* text : {".", "a.", ".a", "a..b", "a..", ".."})
    CHECK_MESSAGE(wireName(text).empty(), text);
}

TEST_CASE("a name that cannot be asked for has no answer") {
  const auto answered = [](const std::string& question, std::string_view name) {
    return outcome(PacketBuilder().question(question, 1).build(), name);
  };
  const std::string longLabel(63, 'x');
  CHECK(answered(wholeName(longLabel), longLabel) == Outcome::NoData);
  CHECK(answered(wholeName(longLabel + 'x'), longLabel + 'x') == Outcome::Malformed);
  CHECK(answered(wholeName(""), "") == Outcome::NoData);  // the root
  CHECK(answered(wholeName(""), ".") == Outcome::Malformed);
  CHECK(answered(wholeName("a"), "a.") == Outcome::Malformed);
  CHECK(answered(wholeName("a"), ".a") == Outcome::Malformed);
  CHECK(answered(wholeName("a.b"), "a..b") == Outcome::Malformed);
  CHECK(answered(wholeName("a") + wholeName("b"), "a..b") == Outcome::Malformed);
}

TEST_CASE("counts that the packet cannot hold") {
  for (const auto section :
       {PacketBuilder::kAnswers, PacketBuilder::kAuthorities, PacketBuilder::kAdditional}) {
    PacketBuilder packet = good();
    CHECK(outcome(packet.count(section, section == PacketBuilder::kAnswers ? 2 : 1)) ==
          Outcome::Malformed);
    CHECK(outcome(packet.count(section, 0xffff)) == Outcome::Malformed);
  }
  CHECK(outcome(good()
                    .count(PacketBuilder::kAnswers, 0xffff)
                    .count(PacketBuilder::kAuthorities, 0xffff)
                    .count(PacketBuilder::kAdditional, 0xffff)) == Outcome::Malformed);
  // What is not counted is behind the last record.
  CHECK(outcome(good().count(PacketBuilder::kAnswers, 0)) == Outcome::NoData);
}

TEST_CASE("a record that is longer than what is left") {
  const std::string head = wholeName("a.test") + bytes16(1) + bytes16(1) + bytes32(300);
  const auto answered = [&](size_t length, const std::string& data) {
    return outcome(ask().count(PacketBuilder::kAnswers, 1).build() + head + bytes16(length) + data);
  };
  CHECK(answered(4, "\1\2\3\4") == Outcome::Found);
  CHECK(answered(5, "\1\2\3\4") == Outcome::Malformed);
  CHECK(answered(0xffff, "\1\2\3\4") == Outcome::Malformed);
  CHECK(answered(3, "\1\2\3\4") == Outcome::Malformed);
}

TEST_CASE("addresses have their length") {
  for (size_t size = 0; size < 40; ++size) {
    CAPTURE(size);
    const std::string data(size, '\1');
    for (const Type type : {Type::A, Type::Aaaa}) {
      const size_t right = type == Type::A ? 4 : 16;
      const auto number = static_cast<uint16_t>(type);
      PacketBuilder packet = ask(type).answer(wholeName("a.test"), number, 300, data);
      const Outcome expected = size == right ? Outcome::Found : Outcome::Malformed;
      CHECK(outcome(packet.build(), "a.test", type) == expected);
      // Also those that are not used.
      packet = ask(type).answer(wholeName("b.test"), number, 300, data);
      packet.answer(wholeName("a.test"), number, 300, std::string(right, '\1'));
      CHECK(outcome(packet.build(), "a.test", type) == expected);
    }
  }
}

TEST_CASE("a service's name fills its record") {
  const auto answered = [](const std::string& data) {
    return outcome(ask(Type::Srv).answer(wholeName("a.test"), 33, 300, data).build(), "a.test",
                   Type::Srv);
  };
  const std::string numbers(6, '\1');
  CHECK(answered(numbers + wholeName("b.test")) == Outcome::Found);
  CHECK(answered(numbers + pointer(kQuestion)) == Outcome::Found);
  CHECK(answered(numbers + wholeName("")) == Outcome::Found);
  for (size_t size = 0; size <= 6; ++size)
    CHECK(answered(numbers.substr(0, size)) == Outcome::Malformed);
  CHECK(answered(numbers + wholeName("b.test") + 'x') == Outcome::Malformed);
  CHECK(answered(numbers + wholeName("b.test") + '\0') == Outcome::Malformed);
  CHECK(answered(numbers + labels("b.test")) == Outcome::Malformed);
  CHECK(answered(numbers + pointer(kQuestion) + 'x') == Outcome::Malformed);
  CHECK(answered(numbers + pointer(kQuestion).substr(0, 1)) == Outcome::Malformed);
}

TEST_CASE("a record's name does not run into the next record") {
  // "b" and then, beyond its length, the owner of the next: "a.test".
  PacketBuilder packet = ask(Type::Srv);
  packet.answer(wholeName("a.test"), 33, 300, std::string(6, '\1') + labels("b"));
  packet.answer(wholeName("a.test"), 33, 300, std::string(6, '\1') + wholeName("b"));
  CHECK(outcome(packet.build(), "a.test", Type::Srv) == Outcome::Malformed);
}

TEST_CASE("an alias fills its record") {
  const auto answered = [](const std::string& data, const char* owner = "a.test") {
    return outcome(ask()
                       .answer(wholeName(owner), PacketBuilder::kCname, 300, data)
                       .address("b.test", "192.0.2.1")
                       .address("a.test", "192.0.2.1"));
  };
  CHECK(answered(wholeName("b.test")) == Outcome::Found);
  CHECK(answered(labels("b") + pointer(kQuestion + 2)) == Outcome::Found);
  for (const char* owner : {"a.test", "x.test"}) {  // also one that is not followed
    CHECK(answered("", owner) == Outcome::Malformed);
    CHECK(answered(labels("b.test"), owner) == Outcome::Malformed);
    CHECK(answered(wholeName("b.test") + 'x', owner) == Outcome::Malformed);
    CHECK(answered("\x40", owner) == Outcome::Malformed);
  }
}

TEST_CASE("an authority fills its record") {
  const auto answered = [](const std::string& data) {
    return outcome(ask().record(PacketBuilder::kAuthorities, wholeName("test"), PacketBuilder::kSoa,
                                60, data));
  };
  const std::string right = PacketBuilder::soaBytes(60);
  CHECK(answered(right) == Outcome::NoData);
  CHECK(answered(pointer(kQuestion) + pointer(kQuestion + 2) + std::string(20, '\1')) ==
        Outcome::NoData);
  for (size_t size = 0; size < right.size(); ++size)
    CHECK(answered(right.substr(0, size)) == Outcome::Malformed);
  CHECK(answered(right + 'x') == Outcome::Malformed);
}

TEST_CASE("a pointer leads back to a name") {
  CHECK(owned(pointer(kQuestion)) == Outcome::Found);
  CHECK(owned(labels("a") + pointer(kQuestion + 2)) == Outcome::Found);
  CHECK(owned(pointer(kQuestion + 2)) == Outcome::NoData);  // "test"
  CHECK(owned(pointer(kQuestion + 7)) == Outcome::NoData);  // the root
  const size_t here = ask().size();
  CHECK(owned(pointer(here)) == Outcome::Malformed);  // itself
  CHECK(owned(pointer(here + 1)) == Outcome::Malformed);
  CHECK(owned(pointer(here + 2)) == Outcome::Malformed);  // ahead
  CHECK(owned(pointer(0x3fff)) == Outcome::Malformed);    // out of the packet
  CHECK(owned(labels("a") + pointer(here)) == Outcome::Malformed);
  CHECK(owned(labels("a") + pointer(here + 1)) == Outcome::Malformed);
  CHECK(owned("\xc0") == Outcome::Malformed);
}

TEST_CASE("a pointer does not lead into the header") {
  for (size_t target = 0; target < kQuestion; ++target)
    CHECK(owned(pointer(target)) == Outcome::Malformed);
}

TEST_CASE("a pointer may lead to a pointer") {
  CHECK(ledTo(pointer(kQuestion), 0) == Outcome::Found);
  CHECK(ledTo("xyz" + labels("a") + pointer(kQuestion + 2), 3) == Outcome::Found);
}

TEST_CASE("what a pointer leads to stands in front of the name") {
  // A prior name that is not ended: it would go on with the bytes that point to it.
  PacketBuilder packet = ask();
  packet.answer(wholeName(""), PacketBuilder::kTxt, 1, "\1");
  packet.answer(pointer(packet.size() - 1), 1, 300, "\1\2\3\4");
  CHECK(outcome(packet) == Outcome::Malformed);
  // A prior pointer that leads ahead, to what is in front of the name still.
  const size_t packed = ask().size() + 1 + 10;
  CHECK(ledTo("\0\0"s + wholeName("a.test"), 2) == Outcome::Found);
  CHECK(ledTo(pointer(packed + 2) + wholeName("a.test"), 0) == Outcome::Malformed);
  // Two pointers that lead to each other.
  PacketBuilder loop = ask();
  const size_t begin = loop.size() + 1 + 10;
  loop.answer(wholeName(""), PacketBuilder::kTxt, 1, pointer(begin + 2) + pointer(begin));
  loop.answer(pointer(begin + 2), 1, 300, "\1\2\3\4");
  CHECK(outcome(loop) == Outcome::Malformed);
}

TEST_CASE("so many pointers make a name, and no more") {
  // Each leads to the one in front of it, the first to the question.
  const auto chain = [](size_t pointers) {
    const size_t begin = ask().size() + 1 + 10;
    std::string packed = pointer(kQuestion);
    for (size_t i = 1; i < pointers; ++i) packed += pointer(begin + packed.size() - 2);
    return ledTo(packed, packed.size() - 2);
  };
  CHECK(chain(126) == Outcome::Found);  // and the owner's own
  CHECK(chain(127) == Outcome::Malformed);
  CHECK(chain(8000) == Outcome::Malformed);
}

TEST_CASE("the kinds of labels that are reserved") {
  for (unsigned length = 0x40; length < 0xc0; ++length) {
    CAPTURE(length);
    const std::string label = static_cast<char>(length) + std::string(length, 'x');
    CHECK(owned(label + wholeName("test")) == Outcome::Malformed);
    CHECK(owned(labels("a") + label + '\0') == Outcome::Malformed);
    CHECK(ledTo(label + wholeName("test"), 0) == Outcome::Malformed);
  }
}

TEST_CASE("labels of 63 bytes, names of 255") {
  const std::string label = labels(std::string(63, 'x'));
  CHECK(owned(label + '\0') == Outcome::NoData);
  const std::string three = label + label + label;  // 192 bytes
  CHECK(owned(three + labels(std::string(61, 'y')) + '\0') ==
        Outcome::NoData);  // 255 with the root
  CHECK(owned(three + labels(std::string(62, 'y')) + '\0') == Outcome::Malformed);
  CHECK(owned(three + label + '\0') == Outcome::Malformed);
  CHECK(owned(three + labels(std::string(60, 'y')) + wholeName("z")) == Outcome::Malformed);
  // The bytes that a pointer stands for count.
  CHECK(owned(three + labels(std::string(54, 'y')) + pointer(kQuestion)) == Outcome::NoData);
  CHECK(owned(three + labels(std::string(55, 'y')) + pointer(kQuestion)) == Outcome::Malformed);
}

TEST_CASE("the longest name can be asked for, and be a target") {
  const std::string label(63, 'x');
  const std::string name = label + '.' + label + '.' + label + '.' + std::string(61, 'y');
  CHECK(name.size() == 253);
  const Reply reply =
      read(PacketBuilder(name, Type::Srv).service(name, 1, 2, 3, wholeName(name)).build(), name,
           Type::Srv);
  REQUIRE(reply.services.size() == 1);
  CHECK(reply.services[0].target == name);
  CHECK(outcome(PacketBuilder(name + 'y', Type::A).build(), name + 'y') == Outcome::Malformed);
}

TEST_CASE("names that are malformed are so in every section, of any type") {
  for (const auto section :
       {PacketBuilder::kAnswers, PacketBuilder::kAuthorities, PacketBuilder::kAdditional}) {
    const auto owner = [&](const std::string& name) {
      return outcome(good().record(section, name, PacketBuilder::kTxt, 1, "x"));
    };
    CHECK(owner(wholeName("b")) == Outcome::Found);
    CHECK(owner("\x40") == Outcome::Malformed);
    CHECK(owner(pointer(0x3fff)) == Outcome::Malformed);
  }
}

// The most that a packet can hold: whatever it is, it does not take long.
TEST_CASE("large packets") {
  const auto begin = std::chrono::steady_clock::now();
  SUBCASE("addresses") {
    PacketBuilder packet = ask();
    for (uint32_t i = 0; packet.size() < 65000; ++i)
      packet.answer(pointer(kQuestion), 1, 300, bytes32(i));
    CHECK(read(packet.build()).addresses.size() == kMaxAddresses);
  }
  SUBCASE("aliases with long names, all but equal") {
    const std::string label(63, 'x');
    const std::string name = label + '.' + label + '.' + label + '.' + std::string(58, 'y');
    PacketBuilder packet(name, Type::A);
    for (size_t i = 0; packet.size() < 65000; ++i)
      packet.answer('\2' + bytes16(i) + pointer(kQuestion), PacketBuilder::kCname, 300,
                    pointer(kQuestion));
    CHECK(outcome(packet.build(), name) == Outcome::NoData);
  }
  SUBCASE("chains of pointers") {
    PacketBuilder packet = ask();
    std::string chain = pointer(kQuestion);
    const size_t at = packet.size() + 1 + 10;
    while (chain.size() < 2 * 126) chain += pointer(at + chain.size() - 2);
    packet.answer(wholeName(""), PacketBuilder::kTxt, 1, chain);
    const std::string last = pointer(at + chain.size() - 2);
    while (packet.size() < 65000) packet.answer(last, PacketBuilder::kCname, 300, last);
    CHECK(outcome(packet) == Outcome::TooLong);
  }
  SUBCASE("records without anything") {
    PacketBuilder packet = ask();
    while (packet.size() < 65000) packet.answer(wholeName(""), PacketBuilder::kTxt, 0, "");
    CHECK(outcome(packet) == Outcome::NoData);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

}  // namespace
}  // namespace oxbow::dns
