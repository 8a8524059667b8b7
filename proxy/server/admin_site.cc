#include "proxy/server/admin_site.h"

#include "proxy/base/random.h"
#include "proxy/net/socket.h"

namespace oxbow::server {

namespace {

constexpr uint32_t kClients = 256;

config::Listener listenerOf(const config::Admin& admin) {
  config::Listener listener;
  listener.listen = admin.listen;
  listener.address = admin.address;
  listener.clientMaxBodySize = config::Located<uint64_t>(64 << 10);
  return listener;
}

}  // namespace

AdminSite::AdminSite(event::Dispatcher& dispatcher, const config::Admin& admin, int fd,
                     admin::ServerView& view)
    : config_(listenerOf(admin)),
      address_(net::localAddress(fd)),
      worker_(dispatcher, randomSeed()),
      parts_(worker_),
      limit_(kClients, dispatcher),
      handler_(view),
      view_(config_, handler_, pins_),
      listener_(parts_, limit_, view_, fd) {}

void AdminSite::drain(std::function<void()> done) {
  handler_.endStreams();
  listener_.drain(Duration(0), std::move(done));
}

}  // namespace oxbow::server
