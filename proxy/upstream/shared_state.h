#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/dispatcher.h"
#include "proxy/pool/endpoint_state.h"
#include "proxy/pool/shared_queue.h"
#include "proxy/tls/client_context.h"
#include "proxy/upstream/endpoint_set.h"
#include "proxy/upstream/http1_conn.h"

namespace oxbow::upstream {

// What a connection to that endpoint has to be. `context` is the upstream's; null: no TLS.
ConnKey keyOf(const EndpointSpec& spec, const config::Upstream& config,
              const tls::ClientContext* context);

// What the workers share of one upstream, for as long as the configuration has one of its name:
// exact accounts, who waits, and what was learned. Main thread, unless said otherwise.
class SharedState {
 public:
  // Another address family of `name` (EndpointSpec) is in use on a worker: AF_INET or AF_INET6.
  using FamilyListener =
      std::function<void(const std::string& server, const std::string& name, int family)>;

  // One dispatcher a worker.
  SharedState(const config::Upstream& config, const std::vector<event::Dispatcher*>& workers);

  // Other caps, for all endpoints. Thread-safe.
  void configure(const config::Upstream& config);
  // The state of that endpoint, made when it is new, with the cap that it has now. Thread-safe.
  std::shared_ptr<pool::EndpointState> endpoint(const EndpointSpec& spec);
  // The sessions that connections of that key may resume. REQUIRES: it has a TLS identity.
  // Thread-safe.
  std::shared_ptr<tls::SessionCache> sessions(const ConnKey& key);
  // Forgets the endpoints, and the sessions, that are not of these and that nobody holds: while a
  // connection of one is left, a second account of its address would let max_conns be passed.
  // Whoever applies a set late finds the state again or makes one, under the lock. Thread-safe.
  void keepOnly(const std::vector<ConnKey>& keys);
  size_t endpointsKnown() const;

  // REQUIRES: before the workers start; `listener` is called on their threads.
  void setFamilyListener(FamilyListener listener) { familyListener_ = std::move(listener); }
  // Worker's thread.
  void reportFamily(const std::string& server, const std::string& name, int family) const {
    if (familyListener_) familyListener_(server, name, family);
  }

  const std::shared_ptr<pool::SharedQueue>& queue() const { return queue_; }

 private:
  struct Hash {
    size_t operator()(const SocketAddress& address) const { return address.hash(); }
  };
  struct Sessions {
    ConnKey key;
    std::shared_ptr<tls::SessionCache> cache;
  };
  using Keys = std::unordered_multimap<SocketAddress, const ConnKey*, Hash>;
  static bool has(const Keys& keys, const ConnKey& key);

  const size_t workers_;
  const std::shared_ptr<pool::SharedQueue> queue_;
  FamilyListener familyListener_;
  mutable std::mutex mutex_;
  uint32_t maxConnecting_;
  std::unordered_map<SocketAddress, std::shared_ptr<pool::EndpointState>, Hash> endpoints_;
  std::unordered_multimap<SocketAddress, Sessions, Hash> sessions_;
};

}  // namespace oxbow::upstream
