#include "tests/integration/support/bad_input.h"

#include <doctest/doctest.h>

#include <utility>

namespace oxbow::integration {

namespace {
// Beyond this a byte a packet costs more than it tells.
constexpr size_t kBytewise = 600;
}  // namespace

Setup with(Setup setup, const FakeUpstream& upstream) {
  setup.servers.push_back(upstream.address());
  return setup;
}

Refusing::Refusing(Setup setup)
    : upstream(answering(ok())), oxbow(with(std::move(setup), upstream)) {
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get("/warm")).status() == 200);
  warm_ = upstream.received();
}

Refusing::~Refusing() {
  oxbow.stop();
  upstream.settle();
  CHECK(upstream.received() == warm_);
  CHECK(upstream.connections() == 1);
}

void Refusing::checkRefused(std::string_view what, const std::string& bytes, int status) {
  CAPTURE(what);
  {
    RawClient client(oxbow.address());
    CHECK(client.send(bytes));
    checkAnswer(client, status);
  }
  if (bytes.size() > kBytewise) return;
  INFO("byte by byte");
  RawClient client(oxbow.address());
  client.stream().sendBytewise(bytes);
  checkAnswer(client, status);
}

void Refusing::checkAnswer(RawClient& client, int status) {
  const Message answer = client.receive();
  CHECK(answer.complete);
  CHECK(answer.status() == status);
  CHECK(answer.field("Connection") == "close");
  CHECK(tokenOf(answer) == "http_request_error");
  CHECK(client.readToEnd().empty());
  CHECK(client.end() == Read::Fin);
}

Forwarding::Forwarding(Setup setup)
    : upstream(answering(ok())), oxbow(with(std::move(setup), upstream)) {}

Message Forwarding::forwarded(std::string_view request) {
  RawClient client(oxbow.address());
  const size_t before = upstream.requests();
  CHECK(client.ask(request).status() == 200);
  REQUIRE(upstream.requests() == before + 1);
  return upstream.lastRequest();
}

void Forwarding::checkAnswered(std::string_view request, int status) {
  RawClient client(oxbow.address());
  const std::string before = upstream.received();
  CHECK(client.ask(request).status() == status);
  CHECK(upstream.received() == before);
}

}  // namespace oxbow::integration
