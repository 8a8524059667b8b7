#include "proxy/dns/questions.h"

#include <algorithm>

namespace oxbow::dns {

namespace {

std::string lowerCased(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

}  // namespace

void Questions::setResolver(std::unique_ptr<Resolver> resolver) {
  resolver_ = std::move(resolver);
  negatives_.clear();
  for (const auto& [key, pending] : pending_) send(key);
}

void Questions::ask(const std::string& name, Type type, Done done) {
  const Key key{lowerCased(name), type};
  if (const Reply* reply = known(key)) {
    ++stats_.hits;
    dispatcher_.post([alive = std::weak_ptr<bool>(alive_), done = std::move(done), reply = *reply] {
      if (!alive.expired()) done(reply);
    });
    return;
  }
  const auto [entry, isNew] = pending_.try_emplace(key);
  entry->second.askers.push_back(std::move(done));
  if (!isNew) {
    ++stats_.hits;
    return;
  }
  entry->second.since = dispatcher_.preciseNow();
  send(key);
}

void Questions::send(const Key& key) {
  ++stats_.lookups;
  resolver_->ask(key.first, key.second, [this, key](const Reply& reply) { onReply(key, reply); });
}

void Questions::onReply(const Key& key, const Reply& reply) {
  const auto entry = pending_.find(key);
  const Pending pending = std::move(entry->second);
  pending_.erase(entry);
  ++stats_.outcomes[static_cast<size_t>(reply.outcome)];
  stats_.lookupTime.record(dispatcher_.preciseNow() - pending.since);
  remember(key, reply);
  // The key and the reply may go with the resolver, which a callback may replace.
  const Reply own = reply;
  const std::weak_ptr<bool> alive = alive_;
  for (const Done& done : pending.askers) {
    done(own);
    if (alive.expired()) return;
  }
}

void Questions::remember(const Key& key, const Reply& reply) {
  if (reply.outcome != Outcome::NoName && reply.outcome != Outcome::NoData) return;
  const TimePoint now = dispatcher_.preciseNow();
  if (negatives_.size() >= kMaxNegatives)
    std::erase_if(negatives_, [now](const auto& entry) { return entry.second.until <= now; });
  if (negatives_.size() >= kMaxNegatives) negatives_.erase(negatives_.begin());
  negatives_[key] = {reply, now + std::clamp(reply.ttl, kMinNegative, kMaxNegative)};
}

const Reply* Questions::known(const Key& key) {
  const auto found = negatives_.find(key);
  if (found == negatives_.end()) return nullptr;
  if (found->second.until > dispatcher_.preciseNow()) return &found->second.reply;
  negatives_.erase(found);
  return nullptr;
}

}  // namespace oxbow::dns
