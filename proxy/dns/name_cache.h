#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/random.h"
#include "proxy/dns/address_set.h"
#include "proxy/dns/dns_stats.h"
#include "proxy/dns/lookup.h"
#include "proxy/dns/questions.h"
#include "proxy/dns/service_set.h"
#include "proxy/event/dispatcher.h"

namespace oxbow::dns {

// How a name is followed: the keys of `resolve:`.
struct FollowPolicy {
  Duration ttlMin = std::chrono::seconds(1);
  Duration ttlMax = std::chrono::minutes(5);
  Duration stale = std::chrono::hours(1);  // an answer whose TTL has ended is used for so long
  uint32_t drainAfter = 2;                 // answers without an address until it leaves
  bool denyPrivate = false;
  auto operator<=>(const FollowPolicy&) const = default;
};

enum class NameState : uint8_t {
  Resolving,   // the first lookup has not ended
  Fresh,       // the last answer holds
  Stale,       // its TTL has ended, and newer lookups failed
  Unresolved,  // there is nothing to use
};

std::string_view textOf(NameState state);

class NameCache;

// A name that is looked up again and again, for as long as somebody holds it. Main thread.
class CachedName final : private event::Timer {
 public:
  // The wait behind a failed lookup: doubled from the first up to the last.
  static constexpr Duration kFirstRetry = std::chrono::seconds(1);
  static constexpr Duration kLastRetry = std::chrono::seconds(5);

  CachedName(NameCache& cache, std::string name, Kind kind, const FollowPolicy& policy);
  ~CachedName() override;

  const std::string& name() const { return name_; }
  Kind kind() const { return kind_; }
  const FollowPolicy& policy() const { return policy_; }

  // What is in use; sorted.
  const std::vector<SocketAddress>& addresses(int family) const;
  const std::vector<Service>& services() const { return services_.current(); }
  // The addresses of a service's target. REQUIRES: one of services().
  const CachedName& target(const Service& service) const { return *targets_.at(service.target); }

  // Nothing is known yet, and a first lookup, of the name or of a target, is under way.
  bool awaited() const;
  bool hasAny() const;
  NameState state(TimePoint now) const;
  Outcome lastOutcome() const { return lastOutcome_; }
  bool isDenied() const { return denied_; }  // the last answer had addresses, none of them allowed
  uint32_t failures() const { return failures_; }  // in a row
  const std::string& foundAs() const { return foundAs_; }
  Source source() const { return source_; }
  TimePoint answeredAt() const { return answeredAt_; }  // meaningful when hasAny()
  Duration ttl() const { return ttl_; }                 // clamped
  TimePoint nextRefresh() const { return deadline(); }  // max(): under way

  // Looks it up within `spread`, unless that is under way.
  void refreshWithin(Duration spread);

 private:
  void onTimer() override;
  void refresh();
  void onFound(Found found, bool last);
  void judge(Found& found);
  void apply(const Found& found);
  bool applyFamily(AddressSet& set, uint32_t& empties,
                   const std::optional<std::vector<SocketAddress>>& answer);
  void countMoves(const std::vector<SocketAddress>& before,
                  const std::vector<SocketAddress>& after) const;
  void followTargets();
  void succeed(const Found& found);
  void fail(const Found& found);
  void dropIfOverdue(TimePoint now);
  bool unsure() const;
  TimePoint overdueAt() const;
  Duration retryIn(const Found& found) const;

  NameCache& cache_;
  const std::string name_;
  const Kind kind_;
  const FollowPolicy policy_;
  AddressSet v4_;
  AddressSet v6_;
  uint32_t empties4_ = 0;  // answers in a row without an address of a family that had some
  uint32_t empties6_ = 0;
  ServiceSet services_;
  std::map<std::string, std::shared_ptr<CachedName>> targets_;
  std::shared_ptr<Lookup> lookup_;  // under way
  bool looked_ = false;             // a lookup has ended
  bool denied_ = false;
  Outcome lastOutcome_ = Outcome::Timeout;
  Source source_ = Source::Dns;
  uint32_t failures_ = 0;
  std::string foundAs_;
  TimePoint answeredAt_{};
  Duration ttl_{0};
};

// The names that are followed. Main thread; outlives them.
class NameCache {
 public:
  // `changed` runs when what is in use of a name has changed, or its first lookup has ended; it may
  // neither follow nor let go of names.
  NameCache(event::Dispatcher& dispatcher, Random& random, Questions& questions, DnsStats& stats,
            std::function<void()> changed);

  // Another hosts file or other domains: every name is looked up anew, spread over a moment.
  void setSystem(System system);

  // The same for who asks for the same. A name with a last dot is complete as it is.
  std::shared_ptr<CachedName> follow(const std::string& name, Kind kind,
                                     const FollowPolicy& policy);

 private:
  friend class CachedName;
  using Key = std::tuple<std::string, Kind, FollowPolicy>;

  event::Dispatcher& dispatcher_;
  Random& random_;
  Questions& questions_;
  DnsStats& stats_;
  const std::function<void()> changed_;
  System system_;
  std::map<Key, std::weak_ptr<CachedName>> names_;
};

}  // namespace oxbow::dns
