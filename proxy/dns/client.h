#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/random.h"
#include "proxy/dns/dns_stats.h"
#include "proxy/dns/name_cache.h"
#include "proxy/dns/questions.h"
#include "proxy/dns/system_config.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/file_watch.h"

namespace oxbow::dns {

// Whom to ask, and what else knows of names.
struct ClientOptions {
  std::vector<SocketAddress> servers;  // empty: those of `resolvConf`, with its search domains
  Duration timeout = std::chrono::seconds(2);
  std::string resolvConf = "/etc/resolv.conf";
  std::string hosts = "/etc/hosts";  // empty: none
  bool operator==(const ClientOptions&) const = default;
};

// The whole of this process's view of names: whom it asks, and the names that it follows. The files
// of the system are read anew when they change. Main thread; the dispatcher outlives it.
class Client {
 public:
  // For `changed` see NameCache.
  Client(event::Dispatcher& dispatcher, std::function<void()> changed);

  // By these from now on. An error leaves things as they were.
  [[nodiscard]] std::optional<std::string> configure(const ClientOptions& options);

  // REQUIRES: configured.
  NameCache& names() { return names_; }
  const DnsStats& stats() const { return stats_; }
  // The servers that are asked, and how short names are completed.
  const SystemConfig& system() const { return system_; }

 private:
  [[nodiscard]] std::optional<std::string> resolveBy(const SystemConfig& system,
                                                     const ClientOptions& options);
  void readFiles();
  void watchFiles();

  event::Dispatcher& dispatcher_;
  Random random_;
  DnsStats stats_;
  Questions questions_;
  NameCache names_;
  std::optional<ClientOptions> options_;
  SystemConfig system_;
  std::unique_ptr<event::FileWatch> watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace oxbow::dns
