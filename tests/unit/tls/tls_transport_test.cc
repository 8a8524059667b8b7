#include "proxy/tls/tls_transport.h"

#include <doctest/doctest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstring>
#include <ctime>
#include <string>

#include "proxy/tls/client_context.h"
#include "tests/unit/tls/raw_peer.h"

using namespace oxbow;
using namespace oxbow::test;
using net::IoResult;
using net::Liveness;
using tls::SessionCache;
using tls::TlsTransport;

namespace {

// A connection of ours to a server that is OpenSSL alone.
struct TransportFixture {
  TestCa ca;
  Leaf leaf = ca.issue({{"api.test"}});
  std::unique_ptr<RawServer> server = std::make_unique<RawServer>(leaf);
  std::shared_ptr<const tls::ClientContext> context;
  std::shared_ptr<SessionCache> sessions = std::make_shared<SessionCache>();
  std::unique_ptr<TlsTransport> ours;
  std::unique_ptr<RawConn> peer;

  TransportFixture() {
    std::vector<config::Problem> problems;
    config::UpstreamTls config;
    config.ca = {ca.file(), {1, 1}};
    context = tls::ClientContext::make(config, {"tls", "", problems, problems});
    REQUIRE(context != nullptr);
  }
  void speak(int version) { server = std::make_unique<RawServer>(leaf, version); }
  void connect() {
    SocketPair pair;
    peer = std::make_unique<RawConn>(*server, pair.theirs());
    ours = std::make_unique<TlsTransport>(
        pair.ours(), context->connect(context->identityFor("api.test:1"), sessions.get()),
        sessions);
  }
  void open() {
    connect();
    net::Opening opening = net::Opening::Pending;
    bool theirs = false;
    for (int i = 0; i < 10 && (opening == net::Opening::Pending || !theirs); ++i) {
      opening = ours->open();
      theirs = theirs || peer->handshake();
    }
    REQUIRE(opening == net::Opening::Done);
    REQUIRE(theirs);
  }
  // A connection that serves, and ends as the test wants.
  bool serveOne(bool goodbye = true) {
    open();
    const bool resumed = ours->tls()->resumed();
    REQUIRE(peer->write("x"));
    CHECK(read() == "x");
    if (goodbye) peer->sayClose();
    peer->end();
    char byte;
    CHECK(ours->read(&byte, 1).kind == (goodbye ? IoResult::Kind::Eof : IoResult::Kind::Truncated));
    ours->close(net::CloseHow::Clean);
    return resumed;
  }
  std::string read() {
    std::string all;
    char buffer[64 << 10];
    for (;;) {
      const IoResult result = ours->read(buffer, sizeof buffer);
      if (result.kind != IoResult::Kind::Ok) return all;
      all.append(buffer, result.bytes);
    }
  }
};

std::string pattern(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>('a' + i * 7 % 26 + i / 4096 % 3);
  return bytes;
}

}  // namespace

TEST_CASE_FIXTURE(TransportFixture, "bytes go both ways") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    speak(version);
    open();
    CHECK(ours->tls()->version() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    CHECK(ours->write("ping").bytes == 4);
    CHECK(peer->read() == "ping");
    REQUIRE(peer->write("pong"));
    CHECK(read() == "pong");
    ours->shutdownWrite();
    peer->read();
    CHECK(peer->sawCloseNotify());
  }
}

TEST_CASE_FIXTURE(TransportFixture, "what the socket does not take counts as not taken") {
  open();
  const std::string bytes = pattern(1 << 20);
  std::string arrived;
  size_t taken = 0;
  int blocked = 0;
  while (taken < bytes.size()) {
    // In uneven pieces, and at another place each time, as a queue would.
    const std::string rest = bytes.substr(taken);
    const size_t first = std::min<size_t>(rest.size(), 1000), second = rest.size() / 2;
    const size_t middle = std::max(first, second);
    const iovec parts[] = {{const_cast<char*>(rest.data()), first},
                           {const_cast<char*>(rest.data()) + first, middle - first},
                           {const_cast<char*>(rest.data()) + middle, rest.size() - middle}};
    const IoResult result = ours->writev(parts, 3);
    REQUIRE(result.kind != IoResult::Kind::Error);
    taken += result.bytes;
    blocked += result.bytes < rest.size() ? 1 : 0;
    // Nothing counts as taken that is still here.
    arrived += peer->read();
    if (blocked < 10) CHECK(arrived.size() >= taken);
    if (result.bytes < rest.size()) CHECK_FALSE(ours->settled());
  }
  arrived += peer->read();
  CHECK(blocked > 10);
  CHECK(arrived == bytes);
  CHECK(ours->settled());
}

TEST_CASE_FIXTURE(TransportFixture, "less may be offered again than was sealed") {
  open();
  const std::string bytes = pattern(200 << 10);
  size_t taken = ours->write(bytes).bytes;
  REQUIRE(taken < bytes.size());
  std::string arrived;
  for (int i = 0; i < 100000 && taken < bytes.size(); ++i) {
    arrived += peer->read();
    const IoResult result = ours->write(std::string_view(bytes).substr(taken, 100));
    REQUIRE(result.bytes <= 100);
    taken += result.bytes;
  }
  arrived += peer->read();
  CHECK(arrived == bytes);
}

TEST_CASE_FIXTURE(TransportFixture, "a small reader gets everything, and is told of the rest") {
  open();
  REQUIRE(peer->write(pattern(3000)));
  std::string all;
  char buffer[100];
  IoResult result = ours->read(buffer, sizeof buffer);
  REQUIRE(result.bytes == 100);
  CHECK_FALSE(result.drained);
  CHECK_FALSE(ours->settled());
  while (result.kind == IoResult::Kind::Ok) {
    all.append(buffer, result.bytes);
    if (result.drained) break;
    result = ours->read(buffer, sizeof buffer);
  }
  CHECK(all == pattern(3000));
  CHECK(ours->settled());
}

TEST_CASE_FIXTURE(TransportFixture, "tickets on an idle connection are not data") {
  open();
  REQUIRE(sessions->size() == 0);
  CHECK(ours->peek() == Liveness::Alive);
  CHECK(sessions->size() == 2);
  CHECK(ours->settled());
}

TEST_CASE_FIXTURE(TransportFixture, "data, a goodbye or the end on an idle connection are seen") {
  open();
  REQUIRE(peer->write("HTTP/1.1 200 OK\r\n"));
  CHECK(ours->peek() == Liveness::Data);
  CHECK(ours->peek() == Liveness::Data);
  CHECK(read() == "HTTP/1.1 200 OK\r\n");
  CHECK(ours->peek() == Liveness::Alive);
  peer->sayClose();
  CHECK(ours->peek() == Liveness::Closed);
  open();
  peer->end();
  CHECK(ours->peek() == Liveness::Closed);
}

TEST_CASE_FIXTURE(TransportFixture, "an end without close_notify is not a clean one") {
  open();
  REQUIRE(peer->write("all but"));
  peer->end();
  char buffer[64];
  CHECK(ours->read(buffer, sizeof buffer).bytes == 7);
  CHECK(ours->read(buffer, sizeof buffer).kind == IoResult::Kind::Truncated);
  open();
  REQUIRE(peer->write("everything"));
  peer->sayClose();
  peer->end();
  CHECK(ours->read(buffer, sizeof buffer).bytes == 10);
  CHECK(ours->read(buffer, sizeof buffer).kind == IoResult::Kind::Eof);
}

TEST_CASE_FIXTURE(TransportFixture, "an end right behind a part of a record is seen at once") {
  const std::string_view part("\x17\x03\x03\x01\x00half of it", 15);
  open();
  CHECK(ours->peek() == Liveness::Alive);  // the tickets have been read
  SUBCASE("reading") {
    REQUIRE(::send(peer->fd(), part.data(), part.size(), 0) == 15);
    peer->end();
    char byte;
    CHECK(ours->read(&byte, 1).kind == IoResult::Kind::Truncated);
  }
  SUBCASE("looking") {
    REQUIRE(::send(peer->fd(), part.data(), part.size(), 0) == 15);
    peer->end();
    CHECK(ours->peek() == Liveness::Closed);
  }
  SUBCASE("opening") {
    connect();
    REQUIRE(ours->open() == net::Opening::Pending);
    REQUIRE(::send(peer->fd(), "\x16\x03\x03\x01", 4, 0) == 4);
    peer->end();
    CHECK(ours->open() == net::Opening::Failed);
    CHECK(ours->openFailure().kind == net::OpenFailure::Kind::Closed);
  }
  SUBCASE("without an end it waits, and does not move") {
    REQUIRE(::send(peer->fd(), part.data(), part.size(), 0) == 15);
    char byte;
    CHECK(ours->read(&byte, 1).kind == IoResult::Kind::WouldBlock);
    CHECK_FALSE(ours->settled());
  }
}

TEST_CASE_FIXTURE(TransportFixture, "more than eight messages behind the handshake are too many") {
  open();
  CHECK(ours->peek() == Liveness::Alive);  // two tickets
  const auto updateKeys = [&] {
    REQUIRE(SSL_key_update(&peer->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(&peer->ssl()) == 1);
  };
  for (int i = 0; i < 6; ++i) updateKeys();
  CHECK(ours->peek() == Liveness::Alive);
  SUBCASE("at rest") {
    updateKeys();
    CHECK(ours->peek() == Liveness::Closed);
    CHECK(ours->read(nullptr, 0).kind == IoResult::Kind::Error);
  }
  SUBCASE("data begins the count anew") {
    REQUIRE(peer->write("x"));
    CHECK(read() == "x");
    for (int i = 0; i < 8; ++i) updateKeys();
    CHECK(ours->peek() == Liveness::Alive);
    updateKeys();
    CHECK(ours->peek() == Liveness::Closed);
  }
}

TEST_CASE_FIXTURE(TransportFixture, "an asked-for key update is answered") {
  open();
  REQUIRE(SSL_key_update(&peer->ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
  REQUIRE(peer->write("after"));
  CHECK(read() == "after");
  CHECK(ours->write("answer").bytes == 6);
  CHECK(peer->read() == "answer");
}

TEST_CASE_FIXTURE(TransportFixture, "tickets of TLS 1.3 resume once each") {
  CHECK_FALSE(serveOne());
  CHECK(sessions->size() == 2);
  CHECK(serveOne());
  CHECK(sessions->size() == 2);  // one used, one new
}

TEST_CASE_FIXTURE(TransportFixture, "a session of TLS 1.2 resumes any number of times") {
  speak(TLS1_2_VERSION);
  CHECK_FALSE(serveOne());
  for (int i = 0; i < 3; ++i) CHECK(serveOne());
  CHECK(sessions->size() == 1);
}

TEST_CASE_FIXTURE(TransportFixture, "a session of TLS 1.2 that is renewed lives on") {
  speak(TLS1_2_VERSION);
  // Renews each ticket that it sees.
  SSL_CTX_set_tlsext_ticket_key_evp_cb(
      &server->context(), [](SSL*, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                             EVP_MAC_CTX* mac, int sealing) {
        static unsigned char key[32] = {1};
        char digest[] = "SHA256";
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_octet_string("key", key, sizeof key),
                                     OSSL_PARAM_construct_end()};
        std::memset(name, 7, 16);
        if (sealing == 1) std::memset(iv, 9, 16);
        EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key, iv, sealing);
        EVP_MAC_CTX_set_params(mac, params);
        return sealing == 1 ? 1 : 2;
      });
  CHECK_FALSE(serveOne());
  const tls::SessionPtr first = sessions->take(time(nullptr));
  CHECK(serveOne());
  const tls::SessionPtr second = sessions->take(time(nullptr));
  REQUIRE(second != nullptr);
  CHECK(second != first);
  CHECK(serveOne());
}

TEST_CASE_FIXTURE(TransportFixture, "an end without close_notify leaves sessions as they are") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    speak(version);
    sessions = std::make_shared<SessionCache>();
    CHECK_FALSE(serveOne(false));
    CHECK(serveOne(false));
    CHECK(serveOne(false));
  }
}

TEST_CASE_FIXTURE(TransportFixture, "a ticket that is refused costs the full handshake alone") {
  serveOne();
  server = std::make_unique<RawServer>(leaf);  // with other ticket keys
  open();
  CHECK(ours->tls()->offered());
  CHECK_FALSE(ours->tls()->resumed());
}

TEST_CASE_FIXTURE(TransportFixture, "plain bytes before the handshake's end are no answer") {
  connect();
  REQUIRE(ours->open() == net::Opening::Pending);
  const std::string_view plain = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  REQUIRE(::send(peer->fd(), plain.data(), plain.size(), 0) == static_cast<ssize_t>(plain.size()));
  CHECK(ours->open() == net::Opening::Failed);
  CHECK(ours->openFailure().kind == net::OpenFailure::Kind::Protocol);
}

TEST_CASE_FIXTURE(TransportFixture, "a peer that leaves in the handshake is told apart") {
  connect();
  REQUIRE(ours->open() == net::Opening::Pending);
  peer->end();
  CHECK(ours->open() == net::Opening::Failed);
  CHECK(ours->openFailure().kind == net::OpenFailure::Kind::Closed);
}

TEST_CASE_FIXTURE(TransportFixture, "an alert of the peer is passed on") {
  SSL_CTX_set_verify(&server->context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     nullptr);
  SSL_CTX_set_max_proto_version(&server->context(), TLS1_2_VERSION);
  connect();
  net::Opening opening = net::Opening::Pending;
  for (int i = 0; i < 10 && opening == net::Opening::Pending; ++i) {
    opening = ours->open();
    peer->handshake();
  }
  CHECK(opening == net::Opening::Failed);
  CHECK(ours->openFailure().kind == net::OpenFailure::Kind::Alert);
  CHECK(std::string(ours->openFailure().detail) == "handshake failure");
}
