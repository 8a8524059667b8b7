#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/result.h"
#include "proxy/dns/cares_channel.h"
#include "proxy/dns/resolver.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::dns {

// Asks several DNS servers in turn, beginning with the one that answered last: the next one when
// one does not answer in time, cannot be reached, refuses or could not find out. Main thread only;
// the dispatcher must outlive it. Destroying it cancels everything without a call.
class CaresResolver final : public Resolver {
 public:
  struct Options {
    std::vector<SocketAddress> servers;          // with their ports; at least one
    Duration timeout = std::chrono::seconds(2);  // for an answer, all servers and waiting included
    size_t maxInFlight = 256;                    // questions asked at once
    size_t maxQueued = 4096;                     // questions that wait for that; more are refused
  };

  static Result<std::unique_ptr<CaresResolver>> create(event::Dispatcher& dispatcher,
                                                       const Options& options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void ask(const std::string& name, Type type, Done done) override;

 private:
  class Query;
  struct QueryTag;
  using Queries = IntrusiveList<Query, QueryTag>;

  // An answer on its way to who asked.
  struct Delivery {
    Done done;
    Reply reply;
  };

  // Delivers at the end of a turn, so never inside ask() and never inside c-ares.
  class Delivering final : public event::Task {
   public:
    explicit Delivering(CaresResolver& resolver) : resolver_(resolver) {}
    void runTask() override { resolver_.deliver(); }

   private:
    CaresResolver& resolver_;
  };

  CaresResolver(event::Dispatcher& dispatcher, const Options& options);

  void start(Query& query);
  void attempt(Query& query);
  void onReply(Query& query, const Reply& reply);
  bool triesAgain(const Query& query, Outcome outcome) const;
  void askWaiting();
  void answer(Done done, Reply reply);
  void deliver();
  void onExpired(Query& query);

  event::Dispatcher& dispatcher_;
  const Duration timeout_;
  const size_t maxInFlight_;
  const size_t maxQueued_;
  std::vector<std::unique_ptr<CaresChannel>> channels_;  // by server
  size_t first_ = 0;                                     // the server to begin with

  // A query is in one of these; one that expired stays asked until c-ares lets go of it.
  Queries waiting_;
  Queries asked_;
  std::vector<Query*> again_;  // of asked_: to be tried with the next server
  std::vector<Delivery> deliveries_;
  Delivering delivering_{*this};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace oxbow::dns
