#pragma once

#include <string>
#include <string_view>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

// An oxbow with a warm upstream connection that must not see a byte of what clients are refused
// for.
class Refusing {
 public:
  explicit Refusing(Setup setup = {});
  // Stops everything and checks that the upstream has received the warming request and nothing
  // else.
  ~Refusing();

  // Sends `bytes` whole, and again byte by byte unless they are many: the answer each time is
  // `status` with our error, and then the connection ends with FIN.
  void checkRefused(std::string_view what, const std::string& bytes, int status = 400);

  FakeUpstream upstream;
  Oxbow oxbow;

 private:
  void checkAnswer(RawClient& client, int status);
  std::string warm_;
};

// An oxbow whose upstream tells what it got.
class Forwarding {
 public:
  explicit Forwarding(Setup setup = {});

  // Sends a request, wants a 200, and returns what the upstream received.
  Message forwarded(std::string_view request);
  // The same, of what must get this answer without reaching the upstream.
  void checkAnswered(std::string_view request, int status);

  FakeUpstream upstream;
  Oxbow oxbow;
};

// The setup with the upstream's address in it.
Setup with(Setup setup, const FakeUpstream& upstream);

}  // namespace oxbow::integration
