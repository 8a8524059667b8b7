#include "proxy/dns/cares_resolver.h"

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::dns {

// One question, and how long its answer may take.
class CaresResolver::Query final : public event::Timer,
                                   public event::Deferred,
                                   public ListHook<QueryTag> {
 public:
  Query(CaresResolver& resolver, const std::string& wanted, Type of, Done done)
      : name(wanted), type(of), resolver_(resolver), done_(std::move(done)) {}

  bool expired() const { return done_ == nullptr; }
  Done takeDone() { return std::exchange(done_, nullptr); }

  const std::string name;
  const Type type;
  size_t server = 0;    // asked last
  size_t attempts = 0;  // begun
  bool asked = false;

 private:
  void onTimer() override { resolver_.onExpired(*this); }

  CaresResolver& resolver_;
  Done done_;  // null when the answer has been given: expired
};

Result<std::unique_ptr<CaresResolver>> CaresResolver::create(event::Dispatcher& dispatcher,
                                                             const Options& options) {
  ASSERT(!options.servers.empty());
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(dispatcher, options));
  // Every server gets its turn within the time, and one of them a second one.
  const Duration each = options.timeout / static_cast<int64_t>(options.servers.size() + 1);
  for (const SocketAddress& server : options.servers) {
    auto channel = CaresChannel::open(dispatcher, server, each);
    if (!channel.ok()) return channel.error();
    resolver->channels_.push_back(std::move(channel.value()));
  }
  return resolver;
}

CaresResolver::CaresResolver(event::Dispatcher& dispatcher, const Options& options)
    : dispatcher_(dispatcher),
      timeout_(options.timeout),
      maxInFlight_(options.maxInFlight),
      maxQueued_(options.maxQueued) {}

CaresResolver::~CaresResolver() {
  *alive_ = false;
  channels_.clear();
  while (Query* query = asked_.popFront()) delete query;
  while (Query* query = waiting_.popFront()) delete query;
}

void CaresResolver::ask(const std::string& name, Type type, Done done) {
  if (asked_.size() >= maxInFlight_ && waiting_.size() >= maxQueued_) {
    Reply refused;
    refused.outcome = Outcome::Overload;
    return answer(std::move(done), std::move(refused));
  }
  auto* query = new Query(*this, name, type, std::move(done));
  dispatcher_.setDeadline(*query, dispatcher_.preciseNow() + timeout_);
  waiting_.pushBack(*query);
  // Not at once: c-ares may answer on the spot, and who asks may be inside an answer.
  dispatcher_.soon(delivering_);
}

void CaresResolver::askWaiting() {
  for (Query* query : std::exchange(again_, {})) attempt(*query);
  while (asked_.size() < maxInFlight_ && !waiting_.empty()) start(*waiting_.front());
}

void CaresResolver::start(Query& query) {
  waiting_.remove(query);
  asked_.pushBack(query);
  query.asked = true;
  query.server = first_;
  attempt(query);
}

void CaresResolver::attempt(Query& query) {
  ++query.attempts;
  channels_[query.server]->ask(query.name, query.type,
                               [this, &query](const Reply& reply) { onReply(query, reply); });
}

// What one server could not tell another may know. Only silence may have been a lost packet: one
// more for that.
bool CaresResolver::triesAgain(const Query& query, Outcome outcome) const {
  switch (outcome) {
    case Outcome::Timeout:
      return query.attempts < channels_.size() + 1;
    case Outcome::Unreachable:
    case Outcome::ServFail:
    case Outcome::Refused:
    case Outcome::Malformed:
      return query.attempts < channels_.size();
    default:
      return false;
  }
}

void CaresResolver::onReply(Query& query, const Reply& reply) {
  if (!query.expired() && triesAgain(query, reply.outcome)) {
    query.server = (query.server + 1) % channels_.size();
    again_.push_back(&query);  // not here, inside c-ares
    return dispatcher_.soon(delivering_);
  }
  const bool answered = reply.outcome == Outcome::Found || reply.outcome == Outcome::NoName ||
                        reply.outcome == Outcome::NoData;
  if (answered) first_ = query.server;
  asked_.remove(query);
  if (!query.expired()) answer(query.takeDone(), reply);
  dispatcher_.remove(query);
  dispatcher_.deferDelete(std::unique_ptr<event::Deferred>(&query));
  if (!waiting_.empty()) dispatcher_.soon(delivering_);
}

void CaresResolver::onExpired(Query& query) {
  answer(query.takeDone(), {});  // a timeout
  if (query.asked) {
    // c-ares holds on to what it was asked until its own timeout; but not to what it was not yet.
    const auto found = std::find(again_.begin(), again_.end(), &query);
    if (found == again_.end()) return;
    again_.erase(found);
    asked_.remove(query);
  } else {
    waiting_.remove(query);
  }
  dispatcher_.deferDelete(std::unique_ptr<event::Deferred>(&query));
}

void CaresResolver::answer(Done done, Reply reply) {
  deliveries_.push_back({std::move(done), std::move(reply)});
  dispatcher_.soon(delivering_);
}

void CaresResolver::deliver() {
  askWaiting();
  std::vector<Delivery> ready = std::exchange(deliveries_, {});
  const std::shared_ptr<bool> alive = alive_;
  for (Delivery& delivery : ready) {
    delivery.done(delivery.reply);
    if (!*alive) return;  // the callback has destroyed the resolver
  }
}

}  // namespace oxbow::dns
