#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/admin/server_view.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"
#include "proxy/demo/origin_handler.h"
#include "proxy/server/http_listener.h"

namespace oxbow::demo {

// Where `oxbow run --with-origin` and `oxbow origin` have it, and where conf/oxbow.yaml looks for
// it.
inline constexpr std::string_view kOriginAddress = "127.0.0.1:3000";

struct OriginOptions {
  SocketAddress address;
  uint64_t closeAfter = 0;            // requests that a connection may carry; 0: any number
  std::optional<Duration> idleClose;  // else as every listener: keepalive_timeout's default
  bool keepAliveHint = false;         // tell clients of idleClose, in whole seconds
};

// The embedded origin: an HTTP/1.1 server on one dispatcher, through the same sessions as the
// proxy. On the dispatcher's thread, or while nobody turns it.
class Origin {
 public:
  // Opens its socket.
  static Result<std::unique_ptr<Origin>> open(event::Dispatcher& dispatcher,
                                              const OriginOptions& options);
  // Ends every session and turns the dispatcher once, so that nothing of them is left.
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  // Where it listens, the kernel's choice of port 0 filled in.
  const SocketAddress& address() const { return config_.address; }

  // Takes no new clients and lets responses finish; `done` runs when the last client has left.
  void drain(std::function<void()> done) { listener_->drain(Duration(0), std::move(done)); }

  admin::ListenerReport report() const;

 private:
  Origin(event::Dispatcher& dispatcher, const OriginOptions& options, int fd);

  event::Dispatcher& dispatcher_;
  const config::Listener config_;
  upstream::WorkerContext worker_;
  server::SessionParts parts_;
  server::ClientLimit limit_;
  OriginHandler handler_;
  session::Pins pins_;
  const session::ListenerView view_;
  std::unique_ptr<server::HttpListener> listener_;
};

}  // namespace oxbow::demo
