#include "tests/integration/support/bad_response.h"

#include <doctest/doctest.h>

#include <utility>

#include "tests/integration/support/bad_input.h"

namespace oxbow::integration {

namespace {

constexpr size_t kBytewise = 600;

void checkOwnError(const Outcome& outcome, std::string_view token) {
  CHECK(outcome.answer.status() == 502);
  CHECK(outcome.answer.complete);
  CHECK(tokenOf(outcome.answer) == token);
  CHECK(outcome.bytes.find("evil") == std::string::npos);
  CHECK(outcome.end == Read::Fin);
}

}  // namespace

Outcome outcomeOf(const FakeUpstream::Script& script, const std::string& request,
                  const Setup& setup) {
  FakeUpstream upstream(script);
  Oxbow oxbow(with(setup, upstream));
  RawClient client(oxbow.address());
  client.send(request);
  Outcome outcome;
  outcome.bytes = client.readToEnd();
  outcome.end = client.end();
  size_t taken = 0;
  const bool forHead = request.compare(0, 5, "HEAD ") == 0;
  if (auto answer = readMessage(outcome.bytes, false, forHead, taken, Want::WhatThereIs))
    outcome.answer = std::move(*answer);
  CHECK(upstream.awaitEnd(0));
  return outcome;
}

FakeUpstream::Script sending(std::string bytes) {
  return [bytes = std::move(bytes)](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.send(bytes);
    conn.awaitEnd();
  };
}

void checkBadResponse(std::string_view what, const std::string& bytes, std::string_view token) {
  CAPTURE(what);
  const std::string request = get("/", "Connection: close\r\n");
  checkOwnError(outcomeOf(sending(bytes), request), token);
  if (bytes.size() > kBytewise) return;
  INFO("byte by byte");
  const auto bytewise = [&bytes](UpstreamConn& conn) {
    if (!conn.request()) return;
    conn.stream().sendBytewise(bytes);
    conn.awaitEnd();
  };
  checkOwnError(outcomeOf(bytewise, request), token);
}

}  // namespace oxbow::integration
