#include "proxy/demo/origin.h"

#include <utility>

#include "proxy/base/random.h"
#include "proxy/net/socket.h"

namespace oxbow::demo {

namespace {

constexpr uint32_t kClients = 10000;

config::Listener listenerOf(const OriginOptions& options, const SocketAddress& address) {
  config::Listener listener;
  listener.address = address;
  listener.listen = config::Located<std::string>(address.text());
  listener.keepaliveRequests = config::Located<uint64_t>(options.closeAfter);
  if (options.idleClose) listener.keepaliveTimeout = config::Located<Duration>(*options.idleClose);
  return listener;
}

std::optional<uint64_t> hintOf(const OriginOptions& options, const config::Listener& listener) {
  if (!options.keepAliveHint) return std::nullopt;
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*listener.keepaliveTimeout);
  // "timeout=0" would say that the connection closes at once.
  if (whole.count() == 0) return std::nullopt;
  return static_cast<uint64_t>(whole.count());
}

}  // namespace

Result<std::unique_ptr<Origin>> Origin::open(event::Dispatcher& dispatcher,
                                             const OriginOptions& options) {
  const config::Listener defaults;
  auto fd = net::listenOn(options.address, static_cast<int>(*defaults.backlog), {});
  if (!fd.ok()) return fd.error();
  return std::unique_ptr<Origin>(new Origin(dispatcher, options, fd.value()));
}

Origin::Origin(event::Dispatcher& dispatcher, const OriginOptions& options, int fd)
    : dispatcher_(dispatcher),
      config_(listenerOf(options, net::localAddress(fd))),
      worker_(dispatcher, randomSeed()),
      parts_(worker_),
      limit_(kClients, dispatcher),
      handler_(dispatcher, hintOf(options, config_)),
      view_(config_, handler_, pins_),
      listener_(std::make_unique<server::HttpListener>(parts_, limit_, view_, fd)) {}

Origin::~Origin() {
  listener_->shutdown();
  listener_.reset();
  dispatcher_.turn(false);
}

admin::ListenerReport Origin::report() const {
  admin::ListenerReport report;
  listener_->report(report);
  return report;
}

}  // namespace oxbow::demo
