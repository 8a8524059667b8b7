#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/dns/hosts_file.h"
#include "proxy/dns/questions.h"
#include "proxy/dns/reply.h"
#include "proxy/event/function_timer.h"

namespace oxbow::dns {

// What is known of names without a server, and how short ones are completed.
struct System {
  HostsFile hosts;
  std::vector<std::string> search;
  uint32_t ndots = 1;
};

enum class Kind : uint8_t { Addresses, Services };
enum class Source : uint8_t { Dns, Hosts };

std::string_view textOf(Source source);  // "dns", "hosts"

// What a lookup came to.
struct Found {
  Outcome outcome = Outcome::Timeout;  // Found: there is an address, or a service
  Source source = Source::Dns;
  std::string name;                              // under which it was found: with its domain
  Duration ttl{0};                               // the least of what was found, or of what was not
  std::optional<std::vector<SocketAddress>> v4;  // as answered, maybe empty; without one: unknown
  std::optional<std::vector<SocketAddress>> v6;
  std::vector<Service> services;
};

// One lookup of one name: in the hosts file, else in DNS under each name that it may stand for, A
// and AAAA at once, or SRV. A server's failure ends it, unless the other type was found: a later
// candidate would be another name. Main thread; destroying it cancels it.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  // When one family is there the other is waited for so long (RFC 8305, section 3); then what there
  // is is told, and the rest when it comes.
  static constexpr Duration kResolutionDelay = std::chrono::milliseconds(50);

  // `done` runs once or, as said, twice; later, never inside start(). `last` tells the end.
  using Done = std::function<void(const Found& found, bool last)>;

  // `system` is read within this call.
  static std::shared_ptr<Lookup> start(event::Dispatcher& dispatcher, Questions& questions,
                                       const System& system, const std::string& name, Kind kind,
                                       Done done);

 private:
  Lookup(event::Dispatcher& dispatcher, Questions& questions, Kind kind, Done done);
  bool findInHosts(const System& system, const std::string& name);
  void askNext();
  void ask(Type type);
  void onReply(Type type, const Reply& reply);
  void note(Type type, const Reply& reply);
  void settle();
  void tell(bool last);

  event::Dispatcher& dispatcher_;
  Questions& questions_;
  const Kind kind_;
  const Done done_;
  std::vector<std::string> candidates_;
  size_t next_ = 0;  // of these
  size_t open_ = 0;  // questions about the one before
  Found found_;
  std::optional<Outcome> failure_;   // of a server, about this candidate
  std::optional<Outcome> negative_;  // the answer of the first candidate that is not there
  event::FunctionTimer delay_;
};

}  // namespace oxbow::dns
