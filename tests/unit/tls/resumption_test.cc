#include <doctest/doctest.h>
#include <openssl/x509_vfy.h>

#include <chrono>
#include <string>

#include "tests/unit/tls/listener.h"

using namespace oxbow;
using namespace oxbow::tls;
using namespace std::chrono_literals;
using config::ClientVerify;
using oxbow::test::Leaf;
using oxbow::test::TestCa;

namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

SessionPtr sessionOf(Handshake& handshake) {
  SSL_SESSION* session = handshake.session();
  SSL_SESSION_up_ref(session);
  return SessionPtr(session);
}

struct ResumptionFixture : Listener {
  TestCa people{"People CA"};
  TestCa strangers{"Strangers CA"};
  Leaf leaf = addNew({.dns = {"a.example"}});

  SessionPtr establish(const ClientSpec& spec) {
    Handshake handshake = start(spec);
    REQUIRE(handshake.run());
    REQUIRE_FALSE(handshake.resumed());
    return sessionOf(handshake);
  }
  // Whether that session still counts.
  bool resumes(ClientSpec spec, const SessionPtr& session) {
    spec.session = session.get();
    Handshake handshake = start(spec);
    REQUIRE(handshake.run());
    return handshake.resumed();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ResumptionFixture, "sessions resume, in another context with the same keys too") {
  for (const int version : kVersions) {
    CAPTURE(version);
    const ClientSpec spec{.sni = "a.example", .maxVersion = version};
    const SessionPtr first = establish(spec);
    CHECK(resumes(spec, first));
    const SessionPtr second = establish(spec);
    const auto before = context;
    REQUIRE(make());
    REQUIRE(context != before);
    CHECK(resumes(spec, second));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "sessions of other keys do not resume") {
  for (const int version : kVersions) {
    const ClientSpec spec{.sni = "a.example", .maxVersion = version};
    const SessionPtr session = establish(spec);
    tickets = std::make_shared<TicketKeys>(clock, 12h);
    REQUIRE(make());
    CHECK_FALSE(resumes(spec, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "TLS 1.3 gives two tickets, and one for each that is used") {
  Handshake full = start({});
  REQUIRE(full.run());
  CHECK(full.sessions() == 2);
  Handshake second = start({.session = full.session()});
  REQUIRE(second.run());
  REQUIRE(second.resumed());
  CHECK(second.sessions() == 1);
}

TEST_CASE_FIXTURE(ResumptionFixture, "without tickets there is nothing to resume") {
  SUBCASE("off") { config.sessionTickets = false; }
  SUBCASE("no keys") { tickets = nullptr; }
  for (const int version : kVersions) {
    CAPTURE(version);
    Handshake full = start({.maxVersion = version});
    REQUIRE(full.run());
    CHECK(full.sessions() == 0);
    CHECK(SSL_SESSION_is_resumable(SSL_get_session(&full.client())) == 0);
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "tickets say how long they last") {
  config.sessionTimeout = Duration(1000s);
  for (const int version : kVersions) {
    const SessionPtr session = establish({.maxVersion = version});
    CHECK(SSL_SESSION_get_ticket_lifetime_hint(session.get()) == 1000);
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a ticket starts with its key's name and an IV of its own") {
  const TicketKeys::Key key = tickets->sealing();
  const std::string name(key.name.begin(), key.name.end());
  for (const int version : kVersions) {
    const SessionPtr first = establish({.maxVersion = version});
    const SessionPtr second = establish({.maxVersion = version});
    const auto a = ticketOf(*first);
    const auto b = ticketOf(*second);
    REQUIRE(a.size() > 32);
    CHECK(a.starts_with(name));
    CHECK(b.starts_with(name));
    CHECK(a.substr(16, 16) != b.substr(16, 16));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "renewal does not carry a session past its timeout") {
  config.sessionTimeout = Duration(3h);
  for (const int version : kVersions) {
    CAPTURE(version);
    ClientSpec spec{.sni = "a.example", .maxVersion = version};
    SessionPtr session = establish(spec);
    for (int hour = 0; hour < 3; ++hour) {
      clock.advance(1h);
      spec.session = session.get();
      Handshake next = start(spec);
      REQUIRE(next.run());
      CHECK(next.resumed());
      if (next.sessions() > 0) session = sessionOf(next);
    }
    clock.advance(1s);
    CHECK_FALSE(resumes(spec, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a timeout that was cut counts for the sessions of before") {
  const ClientSpec spec{.sni = "a.example"};
  const SessionPtr session = establish(spec);
  clock.advance(2h);
  CHECK(resumes(spec, session));
  config.sessionTimeout = Duration(1h);
  REQUIRE(make());
  CHECK_FALSE(resumes(spec, session));
}

TEST_CASE_FIXTURE(ResumptionFixture, "a former key opens for a period, and the ticket is renewed") {
  config.sessionTimeout = Duration(48h);
  for (const int version : kVersions) {
    CAPTURE(version);
    ClientSpec spec{.sni = "a.example", .maxVersion = version};
    const SessionPtr session = establish(spec);
    clock.advance(12h);
    spec.session = session.get();
    Handshake second = start(spec);
    REQUIRE(second.run());
    CHECK(second.resumed());
    CHECK(second.sessions() == 1);
    // The new ticket is of the new key: it outlives the old one.
    clock.advance(12h);
    CHECK(resumes(spec, sessionOf(second)));
    CHECK_FALSE(resumes(spec, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a ticket of the sealing key is not renewed in TLS 1.2") {
  ClientSpec spec{.maxVersion = TLS1_2_VERSION};
  const SessionPtr session = establish(spec);
  spec.session = session.get();
  Handshake second = start(spec);
  REQUIRE(second.run());
  CHECK(second.resumed());
  CHECK(second.sessions() == 0);
}

TEST_CASE_FIXTURE(ResumptionFixture, "keys from files seal, of either size") {
  for (const size_t size : {48, 80}) {
    for (const int version : kVersions) {
      CAPTURE(size);
      const auto file = at(ca.write("ticket.key", std::string(size, 'k')));
      REQUIRE(tickets->load({file}, told.complaints));
      const ClientSpec spec{.maxVersion = version};
      const SessionPtr session = establish(spec);
      // A process of its own, with the same file.
      tickets = std::make_shared<TicketKeys>(clock, 12h);
      REQUIRE(tickets->load({file}, told.complaints));
      REQUIRE(make());
      CHECK(resumes(spec, session));
    }
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "the first of the files seals, the others still open") {
  const auto a = at(ca.write("a.key", std::string(80, 'a')));
  const auto b = at(ca.write("b.key", std::string(48, 'b')));
  for (const int version : kVersions) {
    CAPTURE(version);
    const ClientSpec spec{.maxVersion = version};
    REQUIRE(tickets->load({a}, told.complaints));
    const SessionPtr session = establish(spec);
    REQUIRE(tickets->load({b, a}, told.complaints));
    CHECK(resumes(spec, session));
    REQUIRE(tickets->load({b}, told.complaints));
    CHECK_FALSE(resumes(spec, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a verified client resumes as verified") {
  const Leaf person = people.issue({.commonName = "person"});
  config.clients = clientsOf(people);
  for (const int version : kVersions) {
    ClientSpec spec{.sni = "a.example", .maxVersion = version, .certificate = &person};
    const SessionPtr session = establish(spec);
    spec.session = session.get();
    Handshake second = start(spec);
    REQUIRE(second.run());
    CHECK(second.resumed());
    CHECK(second.verifyResult() == X509_V_OK);
    const X509* peer = SSL_get0_peer_certificate(&second.server());
    REQUIRE(peer != nullptr);
    CHECK(X509_cmp(peer, person.certificate.get()) == 0);
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a client that did not verify stays so") {
  const Leaf stranger = strangers.issue({.commonName = "stranger"});
  config.clients = clientsOf(people, ClientVerify::Optional);
  for (const int version : kVersions) {
    ClientSpec spec{.sni = "a.example", .maxVersion = version, .certificate = &stranger};
    const SessionPtr session = establish(spec);
    spec.session = session.get();
    Handshake second = start(spec);
    REQUIRE(second.run());
    CHECK(second.resumed());
    CHECK(second.verifyResult() == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a session does not outlive the client's certificate") {
  const Leaf expired = people.issue({.commonName = "person", .valid = test::kExpired});
  config.clients = clientsOf(people, ClientVerify::Optional);
  for (const int version : kVersions) {
    const ClientSpec spec{.sni = "a.example", .maxVersion = version, .certificate = &expired};
    CHECK_FALSE(resumes(spec, establish(spec)));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture,
                  "a session is not resumed where clients are verified otherwise") {
  addNew({.dns = {"b.example"}});
  const Leaf person = people.issue({.commonName = "person"});
  const Leaf stranger = strangers.issue({.commonName = "stranger"});
  const Leaf* holder = &person;
  SUBCASE("another CA") {
    config.certificates[0].clients = clientsOf(people);
    config.certificates[1].clients = clientsOf(strangers);
  }
  SUBCASE("the default has none") { config.certificates[1].clients = clientsOf(strangers); }
  SUBCASE("optional instead of require") {
    config.certificates[0].clients = clientsOf(strangers, ClientVerify::Optional);
    config.certificates[1].clients = clientsOf(strangers);
  }
  SUBCASE("another list") {
    config.certificates[0].clients = clientsOf(strangers);
    config.certificates[1].clients = clientsOf(strangers);
    config.certificates[1].clients->crl = at(strangers.writeCrl());
    holder = &stranger;
  }
  SUBCASE("another depth") {
    config.certificates[0].clients = clientsOf(strangers);
    config.certificates[1].clients = clientsOf(strangers);
    config.certificates[1].clients->verifyDepth = 3;
    holder = &stranger;
  }
  for (const int version : kVersions) {
    CAPTURE(version);
    ClientSpec atA{.sni = "a.example", .maxVersion = version, .certificate = holder};
    // Of TLS 1.3: its sessions have no name, so nothing but the verification keeps them apart.
    const SessionPtr session = establish(atA);
    ClientSpec atB{.sni = "b.example", .maxVersion = version, .session = session.get()};
    Handshake without = start(atB);
    CHECK_FALSE(without.run());
    CHECK_FALSE(without.resumed());
    CHECK(without.alert() ==
          (version == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE));
    // With the right certificate it is a full handshake, and a full verification.
    atB.certificate = &stranger;
    Handshake with = start(atB);
    REQUIRE(with.run());
    CHECK_FALSE(with.resumed());
    CHECK(with.verifyResult() == X509_V_OK);
    CHECK(resumes(atA, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "the default does not resume what another name verified") {
  addNew({.dns = {"b.example"}});
  config.certificates[0].clients = clientsOf(people);
  const ClientSpec atB{.sni = "b.example"};
  const SessionPtr session = establish(atB);
  Handshake without = start({.session = session.get()});
  CHECK_FALSE(without.run());
  CHECK(without.alert() == SSL_AD_CERTIFICATE_REQUIRED);
}

TEST_CASE_FIXTURE(ResumptionFixture,
                  "names of one verification resume each other's in TLS 1.3 only") {
  addNew({.dns = {"b.example"}});
  for (const int version : kVersions) {
    CAPTURE(version);
    const SessionPtr session = establish({.sni = "a.example", .maxVersion = version});
    // RFC 6066, section 3.
    CHECK(resumes({.sni = "b.example", .maxVersion = version}, session) ==
          (version == TLS1_3_VERSION));
    CHECK(resumes({.sni = "a.example", .maxVersion = version}, session));
  }
}

TEST_CASE_FIXTURE(ResumptionFixture, "a list that changes ends the sessions of before") {
  const Leaf person = people.issue({.commonName = "person"});
  const Leaf revoked = people.issue({.commonName = "revoked"});
  config.clients = clientsOf(people);
  config.clients.crl = at(people.writeCrl());
  ClientSpec spec{.sni = "a.example", .certificate = &revoked};
  const SessionPtr session = establish(spec);
  people.revoke(revoked);
  config.clients.crl = at(people.writeCrl());
  REQUIRE(make());
  spec.session = session.get();
  Handshake second = start(spec);
  CHECK_FALSE(second.run());
  CHECK(second.alert() == SSL_AD_CERTIFICATE_REVOKED);
}

TEST_CASE_FIXTURE(ResumptionFixture, "there is no early data") {
  const SessionPtr session = establish({});
  CHECK(SSL_SESSION_get_max_early_data(session.get()) == 0);
}
