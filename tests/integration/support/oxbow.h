#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/server/server.h"
#include "tests/integration/support/gate.h"

namespace oxbow::integration {

// A configuration with one listener on a port of the kernel's choice and one upstream "up". Each
// text is more YAML for its mapping, a key a line.
struct Setup {
  std::vector<std::string> servers;  // as in YAML
  std::string upstream;
  std::string listener;
  std::string routes = "- { proxy_pass: up }";
  std::string top;
};
std::string yamlOf(const Setup& setup);

// For Setup::top, when a test reads metrics.
inline const std::string kAdmin = "admin: { listen: 127.0.0.1:0 }";

// A whole oxbow on threads of its own. Stops when destroyed.
class Oxbow {
 public:
  // Returns when it serves; throws when it does not start.
  explicit Oxbow(const std::string& yaml);
  explicit Oxbow(const Setup& setup) : Oxbow(yamlOf(setup)) {}
  // From a file, which reload() loads anew.
  struct File {
    std::string path;
  };
  explicit Oxbow(const File& file);
  ~Oxbow() { stop(); }
  Oxbow(const Oxbow&) = delete;
  Oxbow& operator=(const Oxbow&) = delete;

  // As it was when it started.
  const SocketAddress& address(size_t listener = 0) const { return addresses_[listener]; }
  const SocketAddress& admin() const { return admin_; }

  // What SIGHUP does; waits for its end.
  admin::ReloadReport reload();
  // Begins it; many may be under way.
  void reloadLater();
  // What SIGTERM does.
  void drain();
  // Whether it stops by itself.
  bool awaitStopped(milliseconds within = kPatience) { return stopped_.await(within); }
  void stop();

  // A sample of the admin listener's metrics, such as `oxbow_upstream_waiting{upstream="up"}`; -1
  // when there is none. REQUIRES: Setup::top has kAdmin.
  double metric(const std::string& sample) const;
  // Until the sample has that value, or one that is not less.
  bool awaitMetric(const std::string& sample, double value, milliseconds within = kPatience) const;
  bool awaitMetricAtLeast(const std::string& sample, double value) const;

 private:
  using Load = std::function<config::Config()>;
  void begin(const Load& load);
  void run(const Load& load);

  std::string failure_;
  server::Server* server_ = nullptr;
  std::vector<SocketAddress> addresses_;
  SocketAddress admin_;
  Gate started_;
  Gate stopped_;
  Gate released_;  // the server may be destroyed: nobody posts to it any more
  std::thread thread_;
};

}  // namespace oxbow::integration
