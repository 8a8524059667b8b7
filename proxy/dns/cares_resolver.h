#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/result.h"
#include "proxy/dns/resolver.h"
#include "proxy/event/dispatcher.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace oxbow::dns {

// Resolves by c-ares: /etc/hosts first, then DNS, A and AAAA at once; IPv4 addresses come first.
// Main thread only; the dispatcher must outlive it. Destroying it cancels everything without a
// call.
class CaresResolver final : public Resolver {
 public:
  struct Options {
    // "ip:port" each. Empty: the system's servers and search domains, read once. With servers of
    // one's own there are no search domains: names are asked for as they are.
    std::vector<std::string> servers;
    Duration timeout = std::chrono::seconds(2);  // for an answer, retries and queueing included
    size_t maxInFlight = 256;                    // names asked for at once
    size_t maxQueued = 4096;                     // names that wait for that; more are errors
  };

  static Result<std::unique_ptr<CaresResolver>> create(event::Dispatcher& dispatcher,
                                                       const Options& options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void resolve(const std::string& host, uint16_t port, Done done) override;

  // An answer is cut here, be it ever so long.
  static constexpr size_t kMaxAddresses = 256;

 private:
  class Query;
  class Socket;
  struct QueryTag;
  using Queries = IntrusiveList<Query, QueryTag>;

  // An answer on its way to its caller.
  struct Delivery {
    Done done;
    Answer answer;
  };

  // Delivers at the end of a turn, so never inside resolve().
  class Delivering final : public event::Task {
   public:
    explicit Delivering(CaresResolver& resolver) : resolver_(resolver) {}
    void runTask() override { resolver_.deliver(); }

   private:
    CaresResolver& resolver_;
  };

  // The moment at which c-ares wants to look after its retries.
  class Retrying final : public event::Timer {
   public:
    explicit Retrying(CaresResolver& resolver) : resolver_(resolver) {}
    void onTimer() override { resolver_.onRetryTimer(); }

   private:
    CaresResolver& resolver_;
  };

  CaresResolver(event::Dispatcher& dispatcher, const Options& options);
  std::string open(const Options& options);

  void ask(Query& query);
  void askWaiting();
  void answer(Done done, Answer answer);
  void deliver();
  void onExpired(Query& query);
  void onRetryTimer();
  void armRetryTimer();
  void onSocketState(int fd, bool readable, bool writable);

  static void answered(void* query, int status, int timeouts, ares_addrinfo* result);
  static void socketState(void* self, int fd, int readable, int writable);

  event::Dispatcher& dispatcher_;
  const Duration timeout_;
  const size_t maxInFlight_;
  const size_t maxQueued_;
  ares_channeldata* channel_ = nullptr;
  bool closing_ = false;

  // A query is in one of these; one that expired stays asked until c-ares lets go of it.
  Queries waiting_;
  Queries asked_;
  std::vector<Delivery> deliveries_;
  Delivering delivering_{*this};
  Retrying retrying_{*this};
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;  // by descriptor, as c-ares names them
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace oxbow::dns
