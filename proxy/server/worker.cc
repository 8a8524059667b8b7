#include "proxy/server/worker.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "proxy/base/random.h"

namespace oxbow::server {

namespace {

// In which idle clients of a listener that has left the configuration are closed.
constexpr Duration kRetireSpread = std::chrono::seconds(2);

// What OpenSSL takes for a connection between messages (docs/benchmarks.md).
constexpr uint64_t kTlsBytes = 15'000;

}  // namespace

Worker::Worker(const Parts& parts)
    : parts_(parts),
      dispatcher_(std::make_unique<event::Dispatcher>(parts.clock)),
      context_(std::make_unique<upstream::WorkerContext>(*dispatcher_, randomSeed())),
      sessionParts_(std::make_unique<SessionParts>(*context_)),
      memory_(*context_, parts.memory, *this) {
  context_->clientId = parts.number;
  context_->places = &parts.places;
}

Worker::~Worker() {
  stop();
  join();
}

void Worker::start(Plan plan, ClientLimit& limit) {
  limit_ = &limit;
  thread_ = std::thread([this, plan = std::move(plan)] { run(plan); });
}

void Worker::run(const Plan& plan) {
  pthread_setname_np(pthread_self(), ("worker-" + std::to_string(parts_.number)).c_str());
  goBy(plan);
  pulse_ = std::make_unique<event::Pulse>(*dispatcher_, stats::RecentTimes::kSlot, [this] {
    noteRecent();
    return false;  // slots leave by their time, whether somebody looks or not
  });
  dispatcher_->run();
  teardown();
}

void Worker::noteRecent() {
  for (const auto& upstream : generation_->upstreams()) upstream->noteRecent(dispatcher_->now());
}

void Worker::teardown() {
  pulse_.reset();
  for (auto& [key, listener] : listeners_) listener->shutdown();
  for (auto& listener : leaving_) listener->shutdown();
  for (const auto& upstream : generation_->upstreams()) upstream->shutdown();
  // What shutdown() left to the end of the turn goes before what it refers to.
  dispatcher_->turn(false);
  listeners_.clear();
  leaving_.clear();
  std::exchange(generation_, nullptr)->unpin();
  dispatcher_->turn(false);
}

void Worker::apply(Plan plan, std::function<void()> done) {
  dispatcher_->post([this, plan = std::move(plan), done = std::move(done)] {
    if (generation_ != nullptr) goBy(plan);
    done();
  });
}

void Worker::setEndpoints(const std::string& upstream, upstream::EndpointSet endpoints) {
  dispatcher_->post([this, upstream, endpoints = std::move(endpoints)] {
    if (generation_ == nullptr) return;
    const auto found = generation_->find(upstream);
    if (found == nullptr) return;
    found->setEndpoints(endpoints);
    // Connections that clients keep for themselves are not for the pool to close.
    if (found->leaving().empty()) return;
    for (auto& [key, listener] : listeners_) listener->dropRetired();
    for (auto& listener : leaving_) listener->dropRetired();
  });
}

void Worker::goBy(const Plan& plan) {
  Generation* before = generation_;
  generation_ = Generation::make(*context_, parts_.number, plan, before, parts_.main);
  generation_->pin();
  // A share each: what is read ahead is bounded in all, without asking the others for each piece.
  memory_.configure(*plan.snapshot->config.responseBufferBudget / parts_.of);
  arrangeListeners(plan);
  if (before == nullptr) return;
  for (const auto& upstream : before->upstreams())
    if (generation_->find(upstream->name()) == nullptr) upstream->shutdown();
  for (auto& [key, listener] : listeners_) listener->dropRetired();
  for (auto& listener : leaving_) listener->dropRetired();
  before->unpin();
}

void Worker::arrangeListeners(const Plan& plan) {
  const std::vector<std::string>& keys = plan.snapshot->keys;
  for (auto at = listeners_.begin(); at != listeners_.end();) {
    if (std::find(keys.begin(), keys.end(), at->first) != keys.end()) {
      ++at;
    } else {
      retire(std::move(at->second));
      at = listeners_.erase(at);
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    std::unique_ptr<HttpListener>& listener = listeners_[keys[i]];
    if (listener != nullptr)
      listener->configure(generation_->view(i));
    else
      listener = std::make_unique<HttpListener>(*sessionParts_, *limit_, generation_->view(i),
                                                plan.sockets[i]);
  }
}

void Worker::retire(std::unique_ptr<HttpListener> listener) {
  HttpListener* raw = listener.get();
  leaving_.push_back(std::move(listener));
  raw->drain(kRetireSpread, [this, raw] {
    // Not inside its own callback.
    dispatcher_->post([this, raw] {
      std::erase_if(leaving_, [raw](const auto& gone) { return gone.get() == raw; });
    });
  });
}

void Worker::adopt(const std::string& key, std::vector<Accepted> clients) {
  dispatcher_->post([this, key, clients = std::move(clients)] {
    const auto found = listeners_.find(key);
    for (const Accepted& client : clients) {
      if (found != listeners_.end()) {
        found->second->adopt(client.fd, client.peer);
        continue;
      }
      ::close(client.fd);
      sessionParts_->clients.fetch_sub(1, std::memory_order_relaxed);
      limit_->closed();
    }
  });
}

void Worker::collect(std::function<void(admin::ServerReport)> done) {
  dispatcher_->post([this, done = std::move(done), asked = parts_.clock.now()] {
    dispatcher_->stats().lag.record(dispatcher_->preciseNow() - asked);
    done(report());
  });
}

void Worker::drain(Duration window, std::function<void()> done) {
  dispatcher_->post([this, window, done = std::move(done)] {
    // Counted by a shared integer: listeners may finish inside drain() or long after. One more for
    // this call.
    auto left = std::make_shared<size_t>(listeners_.size() + leaving_.size() + 1);
    const std::function<void()> one = [left, done] {
      if (--*left == 0) done();
    };
    for (auto& [key, listener] : listeners_) listener->drain(window, one);
    for (auto& listener : leaving_) listener->drain(window, one);
    one();
  });
}

uint64_t Worker::clientBytes() const {
  uint64_t bytes = 0;
  for (const auto& [key, listener] : listeners_) bytes += listener->memory();
  for (const auto& listener : leaving_) bytes += listener->memory();
  return bytes;
}

uint64_t Worker::connectionBytes() const {
  uint64_t bytes = 0;
  for (const auto& upstream : generation_->upstreams()) bytes += upstream->connectionBytes();
  return bytes;
}

uint64_t Worker::exchangeBytes() const {
  return sessionParts_->states.bytes() + generation_->exchangeBytes();
}

uint64_t Worker::objectBytes() {
  uint64_t secured = 0;
  for (const auto& [key, listener] : listeners_)
    if (listener->speaksTls()) secured += listener->sessions();
  for (const auto& upstream : generation_->upstreams())
    for (const auto& endpoint : upstream->endpoints())
      if (endpoint.connector->key().tls) secured += endpoint.pool->total();
  return clientBytes() + connectionBytes() + exchangeBytes() + secured * kTlsBytes;
}

size_t Worker::shedIdle(size_t most) {
  size_t shed = 0;
  for (const auto& [key, listener] : listeners_) shed += listener->shedIdle(most - shed);
  return shed;
}

void Worker::stop() {
  if (thread_.joinable()) dispatcher_->post([this] { dispatcher_->stop(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace oxbow::server
