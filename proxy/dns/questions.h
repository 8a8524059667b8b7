#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/dns/dns_stats.h"
#include "proxy/dns/resolver.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::dns {

// What is being asked: one question under way for each name and type, whoever asks, and a short
// memory of names that are not there. Main thread; the dispatcher and the stats outlive it.
class Questions {
 public:
  using Done = Resolver::Done;

  // Answers "no such name" and "no such record" are believed for as long as they say, within these
  // (RFC 2308, section 5): a name that has come is found soon, and one that has not is not asked
  // for again and again.
  static constexpr Duration kMinNegative = std::chrono::seconds(1);
  static constexpr Duration kMaxNegative = std::chrono::seconds(5);
  static constexpr size_t kMaxNegatives = 4096;

  Questions(event::Dispatcher& dispatcher, DnsStats& stats)
      : dispatcher_(dispatcher), stats_(stats) {}

  // Asks that one from now on; also what is under way. What was not there may be, for this one.
  void setResolver(std::unique_ptr<Resolver> resolver);

  // `name` is absolute, without a last dot. `done` runs later on this thread, unless this is
  // destroyed. REQUIRES: a resolver.
  void ask(const std::string& name, Type type, Done done);

 private:
  using Key = std::pair<std::string, Type>;  // the name in lower case
  struct Pending {
    TimePoint since{};
    std::vector<Done> askers;
  };
  struct Negative {
    Reply reply;
    TimePoint until{};
  };

  void send(const Key& key);
  void onReply(const Key& key, const Reply& reply);
  void remember(const Key& key, const Reply& reply);
  const Reply* known(const Key& key);

  event::Dispatcher& dispatcher_;
  DnsStats& stats_;
  std::unique_ptr<Resolver> resolver_;
  std::map<Key, Pending> pending_;
  std::map<Key, Negative> negatives_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace oxbow::dns
