#include "proxy/dns/lookup.h"

#include <algorithm>
#include <utility>

#include "proxy/dns/candidates.h"

namespace oxbow::dns {

namespace {

// A file says nothing about how long it holds; its changes are watched.
constexpr Duration kHostsTtl = std::chrono::hours(1);

bool isNegative(Outcome outcome) {
  return outcome == Outcome::NoName || outcome == Outcome::NoData;
}

}  // namespace

std::string_view textOf(Source source) { return source == Source::Dns ? "dns" : "hosts"; }

Lookup::Lookup(event::Dispatcher& dispatcher, Questions& questions, Kind kind, Done done)
    : dispatcher_(dispatcher),
      questions_(questions),
      kind_(kind),
      done_(std::move(done)),
      delay_(dispatcher, [this] { tell(false); }) {}

std::shared_ptr<Lookup> Lookup::start(event::Dispatcher& dispatcher, Questions& questions,
                                      const System& system, const std::string& name, Kind kind,
                                      Done done) {
  std::shared_ptr<Lookup> lookup(new Lookup(dispatcher, questions, kind, std::move(done)));
  if (kind == Kind::Addresses && lookup->findInHosts(system, name)) {
    dispatcher.post([weak = std::weak_ptr<Lookup>(lookup)] {
      if (const auto self = weak.lock()) self->tell(true);
    });
    return lookup;
  }
  lookup->candidates_ = candidatesOf(name, system.search, system.ndots);
  if (lookup->candidates_.empty()) lookup->candidates_.push_back(name);
  lookup->askNext();
  return lookup;
}

bool Lookup::findInHosts(const System& system, const std::string& name) {
  const std::vector<SocketAddress>* all = system.hosts.find(name);
  if (all == nullptr) return false;
  found_.outcome = Outcome::Found;
  found_.source = Source::Hosts;
  found_.name = name;
  found_.ttl = kHostsTtl;
  found_.v4.emplace();
  found_.v6.emplace();
  for (const SocketAddress& address : *all)
    (address.family() == AF_INET ? found_.v4 : found_.v6)->push_back(address);
  return true;
}

void Lookup::askNext() {
  found_ = {};
  found_.ttl = Duration::max();
  found_.name = candidates_[next_++];
  failure_.reset();
  if (kind_ == Kind::Services) return ask(Type::Srv);
  ask(Type::A);
  ask(Type::Aaaa);
}

void Lookup::ask(Type type) {
  ++open_;
  questions_.ask(found_.name, type, [weak = weak_from_this(), type](const Reply& reply) {
    if (const auto self = weak.lock()) self->onReply(type, reply);
  });
}

void Lookup::onReply(Type type, const Reply& reply) {
  --open_;
  note(type, reply);
  if (open_ == 0) return settle();
  if (found_.outcome == Outcome::Found) delay_.setIn(kResolutionDelay);
}

void Lookup::note(Type type, const Reply& reply) {
  if (reply.outcome != Outcome::Found && !isNegative(reply.outcome)) {
    failure_ = reply.outcome;
    return;
  }
  if (type == Type::A) found_.v4 = reply.addresses;
  if (type == Type::Aaaa) found_.v6 = reply.addresses;
  if (type == Type::Srv) found_.services = reply.services;
  if (reply.outcome == Outcome::Found) {
    // What is not there of the other family says nothing about how long this holds.
    found_.ttl = found_.outcome == Outcome::Found ? std::min(found_.ttl, reply.ttl) : reply.ttl;
    found_.outcome = Outcome::Found;
  } else if (found_.outcome != Outcome::Found) {
    found_.ttl = std::min(found_.ttl, reply.ttl);
    // A name that has records of another type is there.
    if (!negative_ || *negative_ == Outcome::NoName) negative_ = reply.outcome;
  }
}

void Lookup::settle() {
  delay_.cancel();
  if (found_.outcome == Outcome::Found) return tell(true);
  if (!failure_ && next_ < candidates_.size()) return askNext();
  found_.outcome = failure_ ? *failure_ : *negative_;
  if (failure_) found_.ttl = Duration{0};
  tell(true);
}

void Lookup::tell(bool last) {
  // The callback may let go of this lookup.
  const std::shared_ptr<Lookup> self = shared_from_this();
  done_(found_, last);
}

}  // namespace oxbow::dns
