#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/server_view.h"
#include "proxy/config/config.h"
#include "proxy/dns/client.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"
#include "proxy/upstream/upstream.h"

namespace oxbow::server {

// What a server of the configuration is followed by; null: it is an address.
std::shared_ptr<dns::CachedName> followServer(dns::NameCache& names, const config::Server& server,
                                              const config::Resolve& resolve);
dns::FollowPolicy followPolicyOf(const config::Resolve& config);
// Relative paths count from the folder of the configuration's file.
dns::ClientOptions clientOptionsOf(const config::Config& config);

// The addresses behind the servers of the configuration, as they are at the moment. Main thread.
class Names {
 public:
  // A family that worked where the other did not is begun with for so long.
  static constexpr Duration kFamilyMemory = std::chrono::minutes(10);

  // `changed` runs at the end of a turn in which endpointsOf() may have changed.
  Names(event::Dispatcher& dispatcher, std::function<void()> changed);

  // Asks these servers from now on. An error leaves things as they were.
  [[nodiscard]] std::optional<std::string> setResolver(const config::Config& config);

  // Begins to follow what `config` names, beside what is followed. `done` runs when the first
  // lookup of each of its names has ended, well or not; possibly inside this call.
  void prepare(const config::Config& config, std::function<void()> done);
  // Goes by what was prepared, and lets go of what it does not name.
  void usePrepared();

  // What is known of the servers. REQUIRES: an upstream of what usePrepared() took.
  upstream::EndpointSet endpointsOf(const config::Upstream& upstream) const;

  // Connections to `name` of that upstream came about with this family, and not with the other.
  void rememberFamily(const std::string& upstream, const std::string& name, int family);

  void report(const config::Config& config, admin::DnsReport& report) const;

 private:
  // By server of an upstream; null: an address, no name.
  using Followed = std::vector<std::shared_ptr<dns::CachedName>>;
  using Upstreams = std::map<std::string, Followed>;  // by name of the upstream

  // Tells at the end of the turn, once for all that changed in it.
  class Telling final : public event::Task {
   public:
    explicit Telling(Names& names) : names_(names) {}
    void runTask() override { names_.onChanged(); }

   private:
    Names& names_;
  };

  // What one server adds to its upstream's endpoints.
  struct Part {
    const config::Upstream& upstream;
    const config::Server& server;
    upstream::EndpointSet& set;
    // What the keys of the server say of every endpoint.
    upstream::EndpointSpec common() const;
    void add(upstream::EndpointSpec spec) const;
  };

  void onChanged();
  void finishWaiting();
  void addAddress(const Part& part) const;
  void addName(const Part& part, const dns::CachedName& name, upstream::EndpointSpec like,
               uint16_t port) const;
  void addServices(const Part& part, const dns::CachedName& name) const;
  int familyFor(const config::Upstream& upstream, const std::string& label,
                const dns::CachedName& name) const;

  event::Dispatcher& dispatcher_;
  const std::function<void()> changed_;
  Telling telling_{*this};
  event::FunctionTimer forgetting_;
  dns::Client client_;
  Upstreams used_;
  Upstreams prepared_;
  std::vector<std::function<void()>> waiting_;  // for the first lookups of prepared_
  struct Memory {
    int family;
    TimePoint until;
  };
  std::map<std::pair<std::string, std::string>, Memory> families_;  // by upstream and name
};

}  // namespace oxbow::server
