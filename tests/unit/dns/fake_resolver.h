#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/dns/resolver.h"

namespace oxbow::dns {

// Answers when the test says so, from what the test says.
class FakeResolver final : public Resolver {
 public:
  struct Question {
    std::string name;
    Type type;
    Done done;
  };

  // `log` outlives it, and gets every question.
  explicit FakeResolver(std::deque<Question>& open) : open_(open) {}
  ~FakeResolver() override { open_.clear(); }

  void ask(const std::string& name, Type type, Done done) override {
    open_.push_back({name, type, std::move(done)});
  }

 private:
  std::deque<Question>& open_;
};

inline Reply addresses(const std::vector<std::string>& ips, Duration ttl) {
  Reply reply;
  reply.outcome = Outcome::Found;
  reply.ttl = ttl;
  for (const std::string& ip : ips)
    reply.addresses.push_back(SocketAddress::parseIp(ip, 0).value());
  return reply;
}

inline Reply failure(Outcome outcome, Duration ttl = Duration{0}) {
  Reply reply;
  reply.outcome = outcome;
  reply.ttl = ttl;
  return reply;
}

inline Reply services(std::vector<Service> all, Duration ttl) {
  Reply reply;
  reply.outcome = Outcome::Found;
  reply.ttl = ttl;
  reply.services = std::move(all);
  return reply;
}

}  // namespace oxbow::dns
