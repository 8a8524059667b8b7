#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/dns/questions.h"
#include "proxy/event/dispatcher.h"
#include "tests/unit/dns/fake_resolver.h"

namespace oxbow::dns {

// A DNS of which the test is the server, and time stands still until it is turned.
struct World {
  ManualClock clock;
  event::Dispatcher dispatcher{clock};
  DnsStats stats;
  std::deque<FakeResolver::Question> open;  // asked, not answered
  Questions questions{dispatcher, stats};

  World() { questions.setResolver(std::make_unique<FakeResolver>(open)); }
  ~World() { open.clear(); }

  void turn() {
    for (int i = 0; i < 3; ++i) dispatcher.turn(false);
  }

  // In steps, so that timers which others set on the way fire in their order.
  void pass(Duration time) {
    constexpr Duration kStep = std::chrono::milliseconds(10);
    for (; time > Duration{0}; time -= kStep) {
      clock.advance(std::min(time, kStep));
      turn();
    }
  }

  bool isAsked(const std::string& name, Type type) const {
    for (const auto& question : open)
      if (question.name == name && question.type == type) return true;
    return false;
  }

  // Answers the question that was asked first; false when there is none.
  bool answer(const std::string& name, Type type, const Reply& reply) {
    for (auto at = open.begin(); at != open.end(); ++at) {
      if (at->name != name || at->type != type) continue;
      const Resolver::Done done = std::move(at->done);
      open.erase(at);
      done(reply);
      turn();
      return true;
    }
    return false;
  }

  // A and AAAA: these addresses, of one family. That there is none of the other may be known.
  bool answer(const std::string& name, const std::vector<std::string>& ips, Duration ttl) {
    const bool v6 = !ips.empty() && ips[0].find(':') != std::string::npos;
    const Reply none = failure(Outcome::NoData);
    const bool a = answer(name, Type::A, v6 ? none : addresses(ips, ttl));
    const bool aaaa = answer(name, Type::Aaaa, v6 ? addresses(ips, ttl) : none);
    return v6 ? aaaa : a;
  }

  bool fail(const std::string& name, Outcome outcome, Duration ttl = Duration{0}) {
    const bool a = answer(name, Type::A, failure(outcome, ttl));
    const bool aaaa = answer(name, Type::Aaaa, failure(outcome, ttl));
    return a || aaaa;
  }
};

inline std::vector<std::string> ipsOf(const std::vector<SocketAddress>& all) {
  std::vector<std::string> ips;
  for (const SocketAddress& address : all) {
    char ip[48];
    ips.emplace_back(ip, address.writeIp(ip));
  }
  return ips;
}

}  // namespace oxbow::dns
