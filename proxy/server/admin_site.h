#pragma once

#include "proxy/admin/admin_handler.h"
#include "proxy/server/http_listener.h"

namespace oxbow::server {

// The admin pages: on the main thread, through the same sessions as everything else.
class AdminSite {
 public:
  // Takes over `fd`. The dispatcher and the view outlive the site.
  AdminSite(event::Dispatcher& dispatcher, const config::Admin& admin, int fd,
            admin::ServerView& view);

  // Where it listens, the kernel's choice of port 0 filled in.
  const SocketAddress& address() const { return address_; }
  // Takes no new clients; `done` runs when the last one has left, possibly inside this call.
  void drain(std::function<void()> done);
  // For requests that come from now on.
  void setAccess(admin::AdminAccess access) { handler_.setAccess(std::move(access)); }

 private:
  const config::Listener config_;
  const SocketAddress address_;
  upstream::WorkerContext worker_;
  SessionParts parts_;
  ClientLimit limit_;
  admin::AdminHandler handler_;
  session::Pins pins_;
  const session::ListenerView view_;
  HttpListener listener_;
};

}  // namespace oxbow::server
