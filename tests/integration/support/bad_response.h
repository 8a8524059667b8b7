#pragma once

#include <string>
#include <string_view>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

// What a client got for a request, with the connection's end behind it.
struct Outcome {
  std::string bytes;  // all that came
  Message answer;     // parsed from them
  Read end = Read::Late;
};

// One request over one fresh upstream connection that answers it with `script`.
Outcome outcomeOf(const FakeUpstream::Script& script, const std::string& request,
                  const Setup& setup = {});

// Sends a request over a fresh connection to an upstream that answers with `bytes`, whole and then
// a byte at a time, and checks that the client gets a 502 of our own with that token in
// Proxy-Status and not a byte of `bytes` (which hold "evil"), and that the upstream's connection
// closes.
void checkBadResponse(std::string_view what, const std::string& bytes,
                      std::string_view token = "http_protocol_error");

// A script that answers one request with `bytes` and awaits the end.
FakeUpstream::Script sending(std::string bytes);

}  // namespace oxbow::integration
