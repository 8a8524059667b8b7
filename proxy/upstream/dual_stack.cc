#include "proxy/upstream/dual_stack.h"

#include <algorithm>

namespace oxbow::upstream {

using pool::CloseReason;
using pool::ConnPool;
using pool::PoolRole;

// The two families of one name. At most one attempt to the one that stands by is under way.
class DualStack::Race final : public pool::Rival, private event::Timer {
 public:
  Race(DualStack& all, const Name& name) : all_(all), name_(name) {}

  void add(ConnPool& pool, bool standby) { (standby ? standby_ : inUse_).push_back(&pool); }
  bool hasBoth() const { return !inUse_.empty() && !standby_.empty(); }
  void join() {
    for (ConnPool* pool : inUse_) pool->setRival(this);
    for (ConnPool* pool : standby_) pool->setRival(this);
  }
  void part() {
    for (ConnPool* pool : inUse_) pool->setRival(nullptr);
    for (ConnPool* pool : standby_) pool->setRival(nullptr);
    inUse_.clear();
    standby_.clear();
  }

  void onOpening(ConnPool& pool) override {
    if (armed() || pool.role() != PoolRole::Serving) return;
    setIn(kAttemptDelay);
  }

  void onOpen(ConnPool& pool) override {
    if (pool.role() == PoolRole::Standby) return win();
    for (ConnPool* rival : standby_) rival->closeOpening(CloseReason::RaceLost);
  }

  ConnPool* onFailed(ConnPool& pool) override {
    if (ConnPool* racing = racer()) return racing;
    // The one in use has failed: the other one's turn. That has failed: its next address's.
    if (pool.role() == PoolRole::Serving) attempts_ = 0;
    return begin();
  }

 private:
  void setIn(Duration from) { all_.dispatcher_.setDeadline(*this, now() + from); }
  TimePoint now() const { return all_.dispatcher_.now(); }

  // Attempts that began before the last race have had theirs.
  void onTimer() override {
    TimePoint first = TimePoint::max();
    for (ConnPool* pool : inUse_) first = std::min(first, pool->firstUnansweredSince(begunAt_));
    if (first == TimePoint::max()) return;
    if (now() < first + kAttemptDelay) return setIn(first + kAttemptDelay - now());
    attempts_ = 0;
    // With one under way, or no slot for one, or while the address backs off: later.
    if (racer() != nullptr || begin() == nullptr) setIn(kAttemptDelay);
  }

  ConnPool* racer() const {
    for (ConnPool* pool : standby_)
      if (pool->connecting() > 0) return pool;
    return nullptr;
  }

  // An attempt for nobody yet, to the next address that may have one; null when none may.
  ConnPool* begin() {
    while (attempts_ < standby_.size()) {
      ConnPool& pool = *standby_[turn_++ % standby_.size()];
      ++attempts_;
      if (!pool.canOpen() || !pool.open(nullptr)) continue;
      begunAt_ = now();
      all_.begun_.add();
      return &pool;
    }
    return nullptr;
  }

  void win() {
    std::swap(inUse_, standby_);
    attempts_ = 0;
    begunAt_ = TimePoint::min();
    all_.owner_.onFamilyWon(name_.first, name_.second);
  }

  DualStack& all_;
  const Name name_;
  std::vector<ConnPool*> inUse_;
  std::vector<ConnPool*> standby_;
  TimePoint begunAt_ = TimePoint::min();  // the last race
  size_t turn_ = 0;                       // of the addresses that stand by
  size_t attempts_ = 0;                   // of this race, at most one each
};

DualStack::DualStack(event::Dispatcher& dispatcher, Owner& owner, stats::Counter& begun)
    : dispatcher_(dispatcher), owner_(owner), begun_(begun) {}

DualStack::~DualStack() { release(); }

void DualStack::release() {
  for (auto& [name, race] : races_) race->part();
}

void DualStack::assign(const std::vector<Member>& members) {
  release();
  for (const Member& member : members) {
    std::unique_ptr<Race>& race = races_[{member.server, member.name}];
    if (race == nullptr) race = std::make_unique<Race>(*this, Name{member.server, member.name});
    race->add(member.pool, member.standby);
  }
  std::erase_if(races_, [](const auto& entry) { return !entry.second->hasBoth(); });
  for (auto& [name, race] : races_) race->join();
}

}  // namespace oxbow::upstream
