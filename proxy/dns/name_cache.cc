#include "proxy/dns/name_cache.h"

#include <algorithm>
#include <utility>

#include "proxy/dns/address_policy.h"
#include "proxy/log/log.h"

namespace oxbow::dns {

namespace {

// The part of a TTL behind which a name is looked up again: ahead of its end, and not all at once.
constexpr double kRefreshFrom = 0.80;
constexpr double kRefreshTo = 0.95;
constexpr Duration kSystemSpread = std::chrono::milliseconds(500);

std::string listOf(const std::vector<SocketAddress>& addresses) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < addresses.size() && i < kShown; ++i) {
    char ip[48];
    text += text.empty() ? "" : ", ";
    text.append(ip, addresses[i].writeIp(ip));
  }
  return addresses.size() > kShown ? text + ", …" : text;
}

}  // namespace

std::string_view textOf(NameState state) {
  constexpr std::string_view kTexts[] = {"resolving", "fresh", "stale", "unresolved"};
  return kTexts[static_cast<size_t>(state)];
}

CachedName::CachedName(NameCache& cache, std::string name, Kind kind, const FollowPolicy& policy)
    : cache_(cache),
      name_(std::move(name)),
      kind_(kind),
      policy_(policy),
      v4_(policy.drainAfter),
      v6_(policy.drainAfter),
      services_(policy.drainAfter) {
  refresh();
}

CachedName::~CachedName() = default;

const std::vector<SocketAddress>& CachedName::addresses(int family) const {
  return (family == AF_INET ? v4_ : v6_).current();
}

bool CachedName::awaited() const {
  if (kind_ == Kind::Addresses) return !looked_ && !hasAny();
  if (!looked_) return true;
  bool awaited = false;
  for (const auto& [name, target] : targets_) {
    if (target->hasAny()) return false;
    awaited = awaited || target->awaited();
  }
  return awaited;
}

bool CachedName::hasAny() const {
  return !v4_.current().empty() || !v6_.current().empty() || !services_.current().empty();
}

NameState CachedName::state(TimePoint now) const {
  if (hasAny())
    return failures_ > 0 && now >= answeredAt_ + ttl_ ? NameState::Stale : NameState::Fresh;
  return looked_ ? NameState::Unresolved : NameState::Resolving;
}

void CachedName::onTimer() {
  dropIfOverdue(cache_.dispatcher_.now());
  refresh();
}

void CachedName::refreshWithin(Duration spread) {
  if (lookup_ != nullptr) return;
  const auto wait = Duration(cache_.random_.below(static_cast<uint64_t>(spread.count()) + 1));
  cache_.dispatcher_.setDeadline(*this, cache_.dispatcher_.now() + wait);
}

void CachedName::refresh() {
  if (lookup_ != nullptr) return;
  lookup_ = Lookup::start(cache_.dispatcher_, cache_.questions_, cache_.system_, name_, kind_,
                          [this](const Found& found, bool last) { onFound(found, last); });
}

void CachedName::onFound(Found found, bool last) {
  judge(found);
  if (!last) {
    // What there is will do for those who have nothing.
    if (hasAny() || found.outcome != Outcome::Found) return;
    apply(found);
    answeredAt_ = cache_.dispatcher_.now();
    return cache_.changed_();
  }
  lookup_.reset();
  if (found.outcome == Outcome::Found)
    succeed(found);
  else
    fail(found);
  // Behind both, so that who is told sees the whole.
  if (!std::exchange(looked_, true)) cache_.changed_();
}

// Takes out what no server can have, and what policy does not allow of names that others answer
// for. What is left of nothing is no answer.
void CachedName::judge(Found& found) {
  denied_ = false;
  if (found.outcome != Outcome::Found) return;
  const bool denyPrivate = policy_.denyPrivate && found.source == Source::Dns;
  size_t denied = 0;
  for (auto* family : {&found.v4, &found.v6})
    if (*family)
      denied += std::erase_if(**family, [denyPrivate](const SocketAddress& address) {
        const Scope scope = scopeOf(address);
        return scope == Scope::Never || (scope == Scope::Private && denyPrivate);
      });
  cache_.stats_.addressesDenied += denied;
  // The root as a target: decidedly not available (RFC 2782). Nothing listens on port 0.
  std::erase_if(found.services,
                [](const Service& service) { return service.target.empty() || service.port == 0; });
  const bool isEmpty = (!found.v4 || found.v4->empty()) && (!found.v6 || found.v6->empty()) &&
                       found.services.empty();
  if (!isEmpty) return;
  found.outcome = Outcome::NoData;
  denied_ = denied > 0;
}

void CachedName::succeed(const Found& found) {
  const TimePoint now = cache_.dispatcher_.now();
  if (failures_ > 0) LOG_INFO("{} resolves again, after {} lookups that failed", name_, failures_);
  failures_ = 0;
  lastOutcome_ = Outcome::Found;
  source_ = found.source;
  foundAs_ = found.name;
  answeredAt_ = now;
  ttl_ = std::clamp(found.ttl, policy_.ttlMin, policy_.ttlMax);
  apply(found);
  const auto part = [this](Duration whole, double from, double to) {
    const double share = from + (to - from) * cache_.random_.uniform();
    return Duration(static_cast<int64_t>(static_cast<double>(whole.count()) * share));
  };
  Duration wait = part(ttl_, kRefreshFrom, kRefreshTo);
  // An address that is missing leaves once that is certain, and not a whole TTL later.
  if (unsure()) wait = std::min(wait, part(policy_.ttlMin, kRefreshFrom, kRefreshTo));
  cache_.dispatcher_.setDeadline(*this, now + wait);
}

void CachedName::apply(const Found& found) {
  bool changed = false;
  if (kind_ == Kind::Services) {
    changed = services_.update(found.services);
    followTargets();
  } else {
    changed = applyFamily(v4_, empties4_, found.v4);
    changed |= applyFamily(v6_, empties6_, found.v6);
  }
  if (changed && looked_) cache_.changed_();
}

bool CachedName::applyFamily(AddressSet& set, uint32_t& empties,
                             const std::optional<std::vector<SocketAddress>>& answer) {
  if (!answer || (answer->empty() && set.current().empty())) return false;  // nothing new is known
  const std::vector<SocketAddress> before = set.current();
  bool changed = true;
  if (!answer->empty()) {
    empties = 0;
    changed = set.update(*answer);
  } else if (++empties >= policy_.drainAfter) {
    empties = 0;
    set.clear();
  } else {
    return false;
  }
  if (changed) countMoves(before, set.current());
  return changed;
}

void CachedName::countMoves(const std::vector<SocketAddress>& before,
                            const std::vector<SocketAddress>& after) const {
  const auto missingFrom = [](const auto& all, const auto& others) {
    std::vector<SocketAddress> missing;
    for (const SocketAddress& address : all)
      if (std::find(others.begin(), others.end(), address) == others.end())
        missing.push_back(address);
    return missing;
  };
  const std::vector<SocketAddress> added = missingFrom(after, before);
  const std::vector<SocketAddress> gone = missingFrom(before, after);
  cache_.stats_.addressesAdded += added.size();
  cache_.stats_.addressesDrained += gone.size();
  if (!added.empty()) LOG_INFO("{} has also {} now", name_, listOf(added));
  if (!gone.empty()) LOG_INFO("{} has no longer {}", name_, listOf(gone));
}

void CachedName::followTargets() {
  std::map<std::string, std::shared_ptr<CachedName>> next;
  for (const Service& service : services_.current()) {
    std::shared_ptr<CachedName>& target = next[service.target];
    if (target == nullptr) target = cache_.follow(service.target + '.', Kind::Addresses, policy_);
  }
  targets_ = std::move(next);
}

void CachedName::fail(const Found& found) {
  const TimePoint now = cache_.dispatcher_.now();
  const std::string_view reason = denied_ ? "its addresses are not allowed" : textOf(found.outcome);
  if (failures_ == 0 || lastOutcome_ != found.outcome)
    LOG_WARN("cannot resolve {}: {}{}", name_, reason, hasAny() ? "; its last answer is used" : "");
  ++failures_;
  lastOutcome_ = found.outcome;
  dropIfOverdue(now);
  TimePoint next = now + retryIn(found);
  if (hasAny()) {
    ++cache_.stats_.staleServes;
    next = std::min(next, std::max(overdueAt(), now + std::chrono::milliseconds(1)));
  }
  cache_.dispatcher_.setDeadline(*this, next);
}

Duration CachedName::retryIn(const Found& found) const {
  const uint32_t doublings = std::min<uint32_t>(failures_ - 1, 8);
  const Duration most = std::min<Duration>(kFirstRetry * (1 << doublings), kLastRetry);
  const auto jittered = Duration(
      most.count() / 2 +
      static_cast<int64_t>(cache_.random_.below(static_cast<uint64_t>(most.count()) / 2 + 1)));
  // Sooner, what is known not to be there would be said again.
  const bool isNegative = found.outcome == Outcome::NoName || found.outcome == Outcome::NoData;
  if (!isNegative) return jittered;
  return std::max(jittered,
                  std::clamp(found.ttl, Questions::kMinNegative, Questions::kMaxNegative));
}

TimePoint CachedName::overdueAt() const { return answeredAt_ + ttl_ + policy_.stale; }

void CachedName::dropIfOverdue(TimePoint now) {
  if (failures_ == 0 || !hasAny() || now < overdueAt()) return;
  LOG_ERROR("{} has not been resolved for too long: what was known of it is dropped", name_);
  countMoves(v4_.current(), {});
  countMoves(v6_.current(), {});
  v4_.clear();
  v6_.clear();
  services_.clear();
  targets_.clear();
  cache_.changed_();
}

bool CachedName::unsure() const {
  return v4_.unsure() || v6_.unsure() || services_.unsure() || empties4_ > 0 || empties6_ > 0;
}

NameCache::NameCache(event::Dispatcher& dispatcher, Random& random, Questions& questions,
                     DnsStats& stats, std::function<void()> changed)
    : dispatcher_(dispatcher),
      random_(random),
      questions_(questions),
      stats_(stats),
      changed_(std::move(changed)) {}

void NameCache::setSystem(System system) {
  system_ = std::move(system);
  for (const auto& [key, weak] : names_)
    if (const auto name = weak.lock()) name->refreshWithin(kSystemSpread);
}

std::shared_ptr<CachedName> NameCache::follow(const std::string& name, Kind kind,
                                              const FollowPolicy& policy) {
  std::erase_if(names_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<CachedName>& known = names_[{name, kind, policy}];
  if (auto found = known.lock()) {
    ++stats_.hits;
    return found;
  }
  auto made = std::make_shared<CachedName>(*this, name, kind, policy);
  known = made;
  return made;
}

}  // namespace oxbow::dns
