// The DNS server of the tests, asked with raw sockets: what other tests rely on.

#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/address.h"

using namespace std::chrono_literals;

namespace oxbow::test {
namespace {

using Texts = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

// What a packet says, read on its own.
struct Seen {
  unsigned id = 0;
  unsigned code = 0;
  bool answer = false;
  bool truncated = false;
  bool edns = false;
  std::string question;
  Texts answers;        // "name type ttl data"
  uint32_t soaTtl = 0;  // the lesser of the two, of the authority section
  uint16_t port = 0;    // that it came from
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  Seen read() {
    Seen seen;
    seen.id = n16();
    const unsigned flags = n16();
    seen.answer = (flags & 0x8000) != 0;
    seen.truncated = (flags & 0x0200) != 0;
    seen.code = flags & 15;
    const unsigned questions = n16(), answers = n16(), authority = n16(), more = n16();
    for (unsigned i = 0; i < questions; ++i) {
      seen.question = name();
      skip(4);
    }
    for (unsigned i = 0; i < answers; ++i) seen.answers.push_back(record(seen));
    for (unsigned i = 0; i < authority + more; ++i) record(seen);
    CHECK(at_ == bytes_.size());
    return seen;
  }

 private:
  unsigned n8() { return static_cast<unsigned char>(bytes_.at(at_++)); }
  unsigned n16() {
    const unsigned high = n8();
    return high << 8 | n8();
  }
  uint32_t n32() {
    const uint32_t high = n16();
    return high << 16 | n16();
  }
  void skip(size_t count) { at_ += count; }

  std::string name() {
    std::string text;
    size_t behind = 0;
    for (unsigned label = n8(); label != 0; label = n8()) {
      if (label >= 0xc0) {
        const size_t target = (label & 0x3f) << 8 | n8();
        if (behind == 0) behind = at_;
        at_ = target;
        continue;
      }
      text += (text.empty() ? "" : ".") + bytes_.substr(at_, label);
      skip(label);
    }
    if (behind != 0) at_ = behind;
    return text;
  }

  std::string record(Seen& seen) {
    std::string owner = name();
    const auto type = static_cast<DnsType>(n16());
    skip(2);
    const uint32_t ttl = n32();
    const size_t size = n16();
    const size_t end = at_ + size;
    std::string data;
    char text[64];
    switch (type) {
      case DnsType::A:
      case DnsType::Aaaa:
        data =
            inet_ntop(type == DnsType::A ? AF_INET : AF_INET6, &bytes_.at(at_), text, sizeof text);
        skip(size);
        break;
      case DnsType::Srv:
        for (int i = 0; i < 3; ++i) data += std::to_string(n16()) + " ";
        data += name();
        break;
      case DnsType::Cname:
        data = name();
        break;
      case DnsType::Soa:
        at_ = end - 4;
        seen.soaTtl = std::min(ttl, n32());
        break;
      default:
        seen.edns = seen.edns || type == DnsType::Opt;
        skip(size);
    }
    CHECK(at_ == end);
    return owner + " " + std::to_string(static_cast<unsigned>(type)) + " " + std::to_string(ttl) +
           " " + data;
  }

  const std::string& bytes_;
  size_t at_ = 0;
};

bool readable(int fd, milliseconds within) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, static_cast<int>(within.count())) == 1;
}

class UdpClient {
 public:
  explicit UdpClient(const DnsServer& server)
      : server_(SocketAddress::parse(server.address()).value()) {}
  ~UdpClient() { ::close(fd_); }

  void send(const std::string& packet) {
    CHECK(::sendto(fd_, packet.data(), packet.size(), 0, server_.get(), server_.length()) ==
          static_cast<ssize_t>(packet.size()));
  }
  // Empty when nothing comes.
  std::string receive(milliseconds within = 5000ms, uint16_t* from = nullptr) {
    if (!readable(fd_, within)) return "";
    char buffer[65536];
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const ssize_t n =
        ::recvfrom(fd_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (from != nullptr) *from = ntohs(peer.sin_port);
    return {buffer, static_cast<size_t>(std::max<ssize_t>(n, 0))};
  }
  Seen read() {
    uint16_t port = 0;
    const std::string packet = receive(5000ms, &port);
    REQUIRE_FALSE(packet.empty());
    Seen seen = Reader(packet).read();
    seen.port = port;
    return seen;
  }
  Seen ask(const std::string& name, DnsType type, unsigned payload = 0) {
    send(dnsQuery(++id_, name, type, payload));
    Seen seen = read();
    CHECK(seen.answer);
    return seen;
  }
  uint16_t lastId() const { return id_; }

 private:
  const SocketAddress server_;
  const int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  uint16_t id_ = 0x1200;
};

class TcpClient {
 public:
  explicit TcpClient(const DnsServer& server) {
    const SocketAddress address = SocketAddress::parse(server.address()).value();
    connected_ = ::connect(fd_, address.get(), address.length()) == 0;
  }
  ~TcpClient() { ::close(fd_); }

  bool connected() const { return connected_; }
  void send(const std::string& bytes) {
    CHECK(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  }
  // A message without its length; what there is when the connection ends first.
  std::string receive() {
    while (bytes_.size() < 2 || bytes_.size() < 2 + size()) {
      char buffer[65536];
      const ssize_t n = readable(fd_, 5000ms) ? ::recv(fd_, buffer, sizeof buffer, 0) : 0;
      if (n <= 0) return std::exchange(bytes_, "");
      bytes_.append(buffer, static_cast<size_t>(n));
    }
    const std::string message = bytes_.substr(2, size());
    bytes_.erase(0, 2 + message.size());
    return message;
  }
  static std::string framed(const std::string& packet) {
    return dnsNumber16(static_cast<unsigned>(packet.size())) + packet;
  }

 private:
  size_t size() const {
    return static_cast<unsigned char>(bytes_[0]) * 256u + static_cast<unsigned char>(bytes_[1]);
  }

  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected_ = false;
  std::string bytes_;
};

struct ServerFixture {
  DnsServer server;
  UdpClient client{server};

  Texts answers(const std::string& name, DnsType type) { return client.ask(name, type).answers; }
};

TEST_CASE_FIXTURE(ServerFixture, "a packet, byte for byte") {
  server.set("a.test", DnsType::A, {"192.0.2.1"}, 5s);
  client.send(
      std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
                  "a\x04test\x00\x00\x01\x00\x01",
                  24));
  CHECK(client.receive() ==
        std::string("\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01"
                    "a\x04test\x00\x00\x01\x00\x01"
                    "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\x00\x02\x01",
                    40));
}

TEST_CASE_FIXTURE(ServerFixture, "records of every type, with their TTL, whatever the case") {
  server.set("API.test", DnsType::A, {"192.0.2.9", "192.0.2.1"}, 2s);
  server.set("api.test.", DnsType::Aaaa, {"2001:db8::1"});
  server.set("_http._tcp.api.test", DnsType::Srv, {"10 5 8080 one.test", "20 0 80 two.test"}, 7s);
  CHECK(answers("api.TEST", DnsType::A) ==
        Texts{"api.TEST 1 2 192.0.2.9", "api.TEST 1 2 192.0.2.1"});
  CHECK(answers("api.test", DnsType::Aaaa) == Texts{"api.test 28 300 2001:db8::1"});
  CHECK(answers("_http._tcp.api.test", DnsType::Srv) ==
        Texts{"_http._tcp.api.test 33 7 10 5 8080 one.test",
              "_http._tcp.api.test 33 7 20 0 80 two.test"});
  server.set("api.test", DnsType::A, {"192.0.2.7"}, 1s);
  CHECK(answers("api.test", DnsType::A) == Texts{"api.test 1 1 192.0.2.7"});
}

TEST_CASE_FIXTURE(ServerFixture, "aliases come with what they lead to") {
  server.set("www.test", DnsType::Cname, {"mid.test"}, 60s);
  server.set("mid.test", DnsType::Cname, {"end.test"}, 30s);
  CHECK(client.ask("www.test", DnsType::A).code == 3);  // of the last name
  server.set("end.test", DnsType::A, {"192.0.2.1"}, 10s);
  CHECK(answers("www.test", DnsType::A) ==
        Texts{"www.test 5 60 mid.test", "mid.test 5 30 end.test", "end.test 1 10 192.0.2.1"});
  CHECK(client.ask("www.test", DnsType::Aaaa).code == 0);
  server.set("end.test", DnsType::Cname, {"www.test"});
  server.set("end.test", DnsType::A, {});
  CHECK(client.ask("www.test", DnsType::A, 4096).answers.size() == 32);  // round and round
}

TEST_CASE_FIXTURE(ServerFixture, "codes, and what negative answers may be believed for") {
  CHECK(client.ask("unknown.test", DnsType::A).code == 3);
  server.set("four.test", DnsType::A, {"192.0.2.1"});
  Seen none = client.ask("four.test", DnsType::Aaaa);
  CHECK(none.code == 0);
  CHECK(none.answers.empty());
  CHECK(none.soaTtl == 0);
  server.setSoa(DnsSoa{20s, 9s});
  CHECK(client.ask("four.test", DnsType::Aaaa).soaTtl == 9);
  CHECK(client.ask("unknown.test", DnsType::A).soaTtl == 9);
  server.setCode("four.test", DnsType::A, DnsCode::ServFail);
  Seen failed = client.ask("four.test", DnsType::A);
  CHECK(failed.code == 2);
  CHECK(failed.soaTtl == 0);
  server.setCode("four.test", DnsCode::NxDomain, DnsSoa{3s, 9s});
  CHECK(client.ask("four.test", DnsType::Aaaa).soaTtl == 3);
  server.clearCode("four.test");
  CHECK(client.ask("four.test", DnsType::A).answers.size() == 1);
  server.setCodeOfAll(DnsCode::Refused);
  CHECK(client.ask("four.test", DnsType::A).code == 5);
  server.setCodeOfAll({});
  server.remove("four.test");
  CHECK(client.ask("four.test", DnsType::A).code == 3);
}

TEST_CASE_FIXTURE(ServerFixture, "any packet at all") {
  server.setRaw("raw.test", DnsType::A, [&](const std::string& query) {
    server.set("raw.test", DnsType::Aaaa, {"2001:db8::1"});  // it may
    return query.substr(0, 2) + "nonsense";
  });
  client.send(dnsQuery(0x4142, "raw.test", DnsType::A));
  CHECK(client.receive() == "ABnonsense");
  server.setRaw("raw.test", DnsType::A, [](const std::string&) { return ""; });
  client.send(dnsQuery(1, "raw.test", DnsType::A));
  CHECK(client.ask("raw.test", DnsType::Aaaa).answers.size() == 1);  // not that of the one before
}

TEST_CASE_FIXTURE(ServerFixture, "what is no query has no answer and is not recorded") {
  for (const std::string& packet :
       {std::string(), std::string("short"), std::string(12, '\0'), std::string(200, '\xff'),
        dnsQuery(1, "a.test", DnsType::A).substr(0, 18),
        std::string("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18)})
    client.send(packet);
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  CHECK(answers("a.test", DnsType::A).size() == 1);
  CHECK(server.count() == 1);
}

TEST_CASE_FIXTURE(ServerFixture, "answers that are late hold up no others") {
  server.set("slow.test", DnsType::A, {"192.0.2.1"});
  server.set("fast.test", DnsType::A, {"192.0.2.2"});
  server.delay("slow.test", 80ms);
  const auto begin = Clock::now();
  client.send(dnsQuery(1, "slow.test", DnsType::A));
  client.send(dnsQuery(2, "fast.test", DnsType::A));
  CHECK(client.read().id == 2);
  CHECK(client.read().id == 1);
  CHECK(Clock::now() - begin >= 80ms);
  server.delayAll(30ms);
  server.delay("slow.test", 0ms);
  client.send(dnsQuery(3, "fast.test", DnsType::A));
  client.send(dnsQuery(4, "slow.test", DnsType::A));
  CHECK(client.read().id == 4);
  CHECK(client.read().id == 3);
}

TEST_CASE_FIXTURE(ServerFixture, "queries are lost, or all of them") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  server.lose(2);
  for (uint16_t id = 1; id <= 3; ++id) client.send(dnsQuery(id, "a.test", DnsType::A));
  CHECK(client.read().id == 3);
  server.silence();
  client.send(dnsQuery(4, "a.test", DnsType::A));
  CHECK(server.waitFor(4));
  server.silence(false);
  client.send(dnsQuery(5, "a.test", DnsType::A));
  CHECK(client.read().id == 5);
}

TEST_CASE_FIXTURE(ServerFixture, "what does not fit into a datagram comes by TCP") {
  Texts many;
  for (int i = 0; i < 1000; ++i)
    many.push_back("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
  server.set("large.test", DnsType::A, many);
  server.set("small.test", DnsType::A, {"192.0.2.1"});
  const Seen cut = client.ask("large.test", DnsType::A);
  CHECK(cut.truncated);
  CHECK(cut.answers.empty());
  CHECK_FALSE(client.ask("large.test", DnsType::A, 20000).truncated);
  CHECK_FALSE(client.ask("small.test", DnsType::A).truncated);
  server.truncate();
  CHECK(client.ask("small.test", DnsType::A).truncated);

  TcpClient tcp(server);
  const std::string query = TcpClient::framed(dnsQuery(9, "large.test", DnsType::A));
  tcp.send(query.substr(0, 7));
  tcp.send(query.substr(7) + TcpClient::framed(dnsQuery(10, "small.test", DnsType::A)));
  CHECK(Reader(tcp.receive()).read().answers.size() == 1000);
  CHECK(Reader(tcp.receive()).read().id == 10);
  CHECK(server.tcpConnections() == 1);
  CHECK(server.queries().back().transport == DnsTransport::Tcp);
  server.closeTcp();
  TcpClient other(server);
  CHECK(other.receive().empty());
}

TEST_CASE_FIXTURE(ServerFixture, "EDNS is answered, or refused") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  CHECK(client.ask("a.test", DnsType::A, 1232).edns);
  CHECK_FALSE(client.ask("a.test", DnsType::A).edns);
  server.refuseEdns();
  const Seen refused = client.ask("a.test", DnsType::A, 1232);
  CHECK(refused.code == 1);
  CHECK_FALSE(refused.edns);
  CHECK(client.ask("a.test", DnsType::A).answers.size() == 1);
  CHECK(server.queries()[0].edns);
  CHECK_FALSE(server.queries()[1].edns);
}

TEST_CASE_FIXTURE(ServerFixture, "lies, with the truth behind them") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  const uint16_t port = SocketAddress::parse(server.address()).value().port();
  const auto checkTruth = [&] {
    const Seen truth = client.read();
    CHECK(truth.id == client.lastId());
    CHECK(truth.answers == Texts{"a.test 1 300 192.0.2.1"});
    CHECK(truth.port == port);
  };

  server.lie(DnsLie::WrongId);
  Seen lie = client.ask("a.test", DnsType::A);
  CHECK(lie.id != client.lastId());
  CHECK(lie.answers == Texts{"a.test 1 300 203.0.113.66"});
  checkTruth();

  server.lie(DnsLie::WrongQuestion);
  lie = client.ask("a.test", DnsType::A);
  CHECK(lie.id == client.lastId());
  CHECK(lie.question == "false.test");
  checkTruth();

  server.lie(DnsLie::OtherPort);
  lie = client.ask("a.test", DnsType::A);
  CHECK(lie.id == client.lastId());
  CHECK(lie.port != port);
  CHECK(lie.answers == Texts{"a.test 1 300 203.0.113.66"});
  checkTruth();

  server.lie(DnsLie::Unasked);
  lie = client.ask("a.test", DnsType::A);
  CHECK(lie.id != client.lastId());
  CHECK(lie.question == "false.test");
  checkTruth();

  server.lie(DnsLie::WrongId, false);
  client.ask("a.test", DnsType::A);
  CHECK(client.receive(30ms).empty());
}

TEST_CASE_FIXTURE(ServerFixture, "an answer that ends in its middle") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  server.lie(DnsLie::Cut, false);
  client.send(dnsQuery(7, "a.test", DnsType::A));
  CHECK(client.receive().size() == 20);
  TcpClient tcp(server);
  tcp.send(TcpClient::framed(dnsQuery(7, "a.test", DnsType::A)));
  CHECK(tcp.receive().size() == 2 + 20);  // the connection has ended
}

TEST_CASE_FIXTURE(ServerFixture, "what came is recorded") {
  CHECK_FALSE(server.waitFor("a.test", 1, 10ms));
  server.silence();
  client.send(dnsQuery(0xabcd, "A.test", DnsType::A));
  client.send(dnsQuery(2, "a.test", DnsType::Aaaa));
  client.send(dnsQuery(3, "b.test", DnsType::Srv));
  CHECK(server.waitFor("a.test", 2));
  CHECK(server.waitFor("a.test", DnsType::Aaaa, 1));
  CHECK(server.waitFor(3));
  CHECK(server.count() == 3);
  CHECK(server.count("a.TEST") == 2);
  CHECK(server.count("a.test", DnsType::A) == 1);
  const DnsQuery first = server.queries().at(0);
  CHECK(first.name == "a.test");
  CHECK(first.id == 0xabcd);
  CHECK(first.port != 0);
  CHECK(first.time <= Clock::now());
  server.forget();
  CHECK(server.count() == 0);
}

TEST_CASE_FIXTURE(ServerFixture, "killed, and back on its port") {
  server.set("a.test", DnsType::A, {"192.0.2.1"});
  const std::string address = server.address();
  TcpClient open(server);
  REQUIRE(open.connected());
  server.stop();
  CHECK(open.receive().empty());
  CHECK_FALSE(TcpClient(server).connected());
  client.send(dnsQuery(1, "a.test", DnsType::A));
  server.start();
  CHECK(server.address() == address);
  CHECK(client.ask("a.test", DnsType::A).answers.size() == 1);
  CHECK(TcpClient(server).connected());
}

TEST_CASE("several servers, one of them at another address of loopback") {
  DnsServer one, two("127.53.0.7:0");
  CHECK(one.address() != two.address());
  CHECK(two.address().starts_with("127.53.0.7:"));
  two.set("a.test", DnsType::A, {"192.0.2.2"});
  CHECK(UdpClient(two).ask("a.test", DnsType::A).answers.size() == 1);
  CHECK(one.count() == 0);
  CHECK_THROWS(DnsServer("nowhere"));
}

}  // namespace
}  // namespace oxbow::test
