#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/dns/resolver.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"
#include "proxy/upstream/upstream.h"

namespace oxbow::server {

// The addresses behind the servers of the configuration. A name is looked up once; one that does
// not resolve is asked for again every few seconds. Main thread.
class Names {
 public:
  // `found` runs when a name that was unknown has become known, outside of a lookUp().
  Names(event::Dispatcher& dispatcher, std::function<void()> found);

  // Asks these servers from now on. An error leaves things as they were.
  [[nodiscard]] std::optional<std::string> setResolver(const config::ResolverConfig& config);

  // Looks up what `config` names and is not known yet, and forgets what it does not name. `done`
  // runs when every lookup has ended, well or not; possibly inside this call.
  void lookUp(const config::Config& config, std::function<void()> done);

  // What is known of them: the addresses of each server, in the order of the servers.
  std::vector<upstream::EndpointSpec> endpointsOf(const config::Upstream& upstream) const;

 private:
  void ask(const std::string& server, const std::string& upstream);
  void onAnswer(const std::string& server, const std::string& upstream, const dns::Answer& answer);
  void askAgain();
  void finish();

  event::Dispatcher& dispatcher_;
  const std::function<void()> found_;
  std::unique_ptr<dns::Resolver> resolver_;
  config::ResolverConfig resolverConfig_;
  std::map<std::string, std::vector<SocketAddress>> known_;  // by server as written
  std::map<std::string, std::string> wanted_;                // server to an upstream that names it
  std::set<std::string> pending_;
  std::vector<std::function<void()>> waiting_;
  event::FunctionTimer again_;
};

}  // namespace oxbow::server
