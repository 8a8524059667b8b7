#include "proxy/server/intake.h"

#include <cstring>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/server/worker.h"

namespace oxbow::server {

Intake::Intake(event::Dispatcher& dispatcher, ClientLimit& limit,
               const std::vector<std::unique_ptr<Worker>>& workers, std::string key,
               const config::Listener& config, int fd)
    : dispatcher_(dispatcher),
      limit_(limit),
      workers_(workers),
      key_(std::move(key)),
      name_(*config.listen),
      batches_(workers.size()) {
  net::AcceptHandler& self = *this;
  acceptor_ = std::make_unique<net::Acceptor>(dispatcher, fd, self);
}

Intake::~Intake() {
  acceptor_->acceptAll();
  acceptor_.reset();
  limit_.forget(*this);
  runTask();
}

void Intake::configure(const config::Listener& before, const config::Listener& now) {
  acceptor_->configure(before, now);
}

void Intake::onAccept(int fd, const SocketAddress& peer) {
  limit_.opened();
  size_t fewest = 0;
  for (size_t i = 1; i < workers_.size(); ++i)
    if (workers_[i]->clients() < workers_[fewest]->clients()) fewest = i;
  workers_[fewest]->addClient();
  batches_[fewest].push_back({fd, peer});
  dispatcher_.soon(*this);
  if (!limit_.full()) return;
  LOG_WARN("{}: worker_connections are all taken, accepting pauses", name_);
  acceptor_->pause();
  limit_.await(*this);
}

void Intake::runTask() {
  for (size_t i = 0; i < batches_.size(); ++i)
    if (!batches_[i].empty()) workers_[i]->adopt(key_, std::exchange(batches_[i], {}));
}

void Intake::onAcceptError(int error) {
  ++acceptErrors_;
  LOG_ERROR("{}: cannot accept: {}; trying again", name_, std::strerror(error));
}

void Intake::resumeAccepting() { acceptor_->resume(); }

}  // namespace oxbow::server
