#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/acceptor.h"
#include "proxy/server/client_limit.h"

namespace oxbow::server {

class Worker;

// A client on its way to a worker.
struct Accepted {
  int fd;
  SocketAddress peer;
};

// Accepts for several workers: each client goes to the one that has the fewest. Main thread.
class Intake final : private net::AcceptHandler, private event::Task, private LimitWaiter {
 public:
  // Takes over `fd`. `key` is what the workers know the listener by. All outlive the intake.
  Intake(event::Dispatcher& dispatcher, ClientLimit& limit,
         const std::vector<std::unique_ptr<Worker>>& workers, std::string key,
         const config::Listener& config, int fd);
  // Stops accepting, and sends off what it has accepted.
  ~Intake() override;

  void configure(const config::Listener& before, const config::Listener& now);
  uint64_t acceptErrors() const { return acceptErrors_; }

 private:
  void onAccept(int fd, const SocketAddress& peer) override;
  void onAcceptError(int error) override;
  void resumeAccepting() override;
  // One message a worker and turn.
  void runTask() override;

  event::Dispatcher& dispatcher_;
  ClientLimit& limit_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  const std::string key_;
  const std::string name_;
  std::vector<std::vector<Accepted>> batches_;  // by worker
  uint64_t acceptErrors_ = 0;
  std::unique_ptr<net::Acceptor> acceptor_;
};

}  // namespace oxbow::server
