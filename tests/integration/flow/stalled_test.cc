// One side falls behind, and the other one stops, or goes, meanwhile: somebody must notice.

#include <doctest/doctest.h>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"

namespace oxbow::integration {

namespace {

// Nearly as much as is read ahead of a client, or of an upstream; with the next piece it is more.
constexpr size_t kFirst = 60000;
constexpr size_t kSecond = 30000;
constexpr int kSmallBuffer = 4 << 10;

// What a side does behind its last byte.
enum class Then : uint8_t { Silence, Fin, Rst };

void end(Stream& stream, Then then) {
  if (then == Then::Fin) stream.finish();
  if (then == Then::Rst) stream.reset();
}

// Waits for the peer to end the connection, for longer than anybody waits in a test that fails.
void outlast(UpstreamConn& conn) {
  while (conn.awaitEnd() == Read::Late) {
  }
}

std::string chunkOf(size_t size) {
  const std::string whole = chunked(std::string(size, 'x'));
  return whole.substr(0, whole.size() - 5);  // without the last chunk
}

// A response that breaks off behind kFirst + kSecond bytes, of which the client takes nothing until
// they are all with oxbow. Then its connection must end, and the next request must be served.
void checkClientIsTold(const std::string& head, const std::string& first, const std::string& second,
                       Then then) {
  Gate behind;
  FakeUpstream upstream({[&](UpstreamConn& conn) {
                           if (!conn.request()) return;
                           conn.send("HTTP/1.1 200 OK\r\n" + head + "\r\n" + first);
                           behind.await();
                           conn.send(second);
                           end(conn.stream(), then);
                           if (then != Then::Rst) outlast(conn);
                         },
                         answering(ok("next"))});
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "max_conns: 1\nread_timeout: 2s",
                    .listener = "sndbuf: 4k",
                    .top = kAdmin});
  RawClient client(oxbow.address(), kSmallBuffer), other(oxbow.address());
  client.send(get());
  CHECK(oxbow.awaitMetricAtLeast(kReadAhead, kFirst / 2));
  behind.open();
  CHECK(oxbow.awaitMetricAtLeast(kReadAhead, kFirst));
  const Message answer = client.receive();
  CHECK_FALSE(answer.complete);
  CHECK(client.end() != Read::Late);
  CHECK(other.ask(get()).body == "next");
}

// An upload that stops behind kFirst + kSecond bytes, of which the upstream takes nothing until
// they are all with oxbow.
struct Upload {
  explicit Upload(Then then)
      : upstream(
            [this](UpstreamConn& conn) {
              conn.awaitText("\r\n\r\n");
              begun.open();
              resume.await();
              outlast(conn);
            },
            "127.0.0.1:0", kSmallBuffer),
        oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "sndbuf: 4k",
                    .listener = "client_body_timeout: 2s",
                    .top = kAdmin}),
        client(oxbow.address()) {
    client.send(postChunked(chunkOf(kFirst)));
    CHECK(begun.await());
    client.send(chunkOf(kSecond));
    end(client.stream(), then);
    // Seen by oxbow: it answers in order.
    RawClient probe(oxbow.address());
    CHECK(probe.ask("junk\r\n\r\n").status() == 400);
    resume.open();
  }
  ~Upload() { resume.open(); }

  Gate begun, resume;
  FakeUpstream upstream;
  Oxbow oxbow;
  RawClient client;
};

}  // namespace

TEST_CASE("an upstream stops in the middle of a response while the client is behind") {
  Then then = Then::Silence;
  SUBCASE("silence: read_timeout") { then = Then::Silence; }
  SUBCASE("FIN") { then = Then::Fin; }
  SUBCASE("RST") { then = Then::Rst; }
  checkClientIsTold("Content-Length: 1000000\r\n", std::string(kFirst, 'x'),
                    std::string(kSecond, 'x'), then);
  checkClientIsTold("Transfer-Encoding: chunked\r\n", chunkOf(kFirst), chunkOf(kSecond), then);
}

TEST_CASE("a client stops in the middle of an upload while the upstream is behind") {
  SUBCASE("silence: client_body_timeout") {
    Upload upload(Then::Silence);
    CHECK(upload.client.receive().status() == 408);
  }
  SUBCASE("FIN") {
    Upload upload(Then::Fin);
    upload.client.receive();
    CHECK(upload.client.end() != Read::Late);
  }
  SUBCASE("RST") {
    Upload upload(Then::Rst);
    CHECK(upload.oxbow.awaitMetric(clientsEndedFor("client_reset"), 1));
  }
}

}  // namespace oxbow::integration
