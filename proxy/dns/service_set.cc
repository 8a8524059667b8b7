#include "proxy/dns/service_set.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace oxbow::dns {

namespace {

bool isSame(const Service& a, const Service& b) { return a.target == b.target && a.port == b.port; }

struct Member {
  Service service;
  uint32_t missing = 0;
};

bool comesFirst(const Member& a, const Member& b) {
  const auto key = [](const Member& m) {
    return std::tie(m.service.priority, m.service.target, m.service.port);
  };
  return key(a) < key(b);
}

}  // namespace

bool ServiceSet::update(const std::vector<Service>& answer) {
  std::vector<Member> next;
  for (const Service& service : answer)
    if (std::none_of(next.begin(), next.end(),
                     [&](const Member& m) { return isSame(m.service, service); }))
      next.push_back({service, 0});
  for (size_t i = 0; i < current_.size(); ++i) {
    const Service& service = current_[i];
    const bool isThere = std::any_of(answer.begin(), answer.end(),
                                     [&](const Service& other) { return isSame(other, service); });
    if (!isThere && missing_[i] + 1 < drainAfter_) next.push_back({service, missing_[i] + 1});
  }
  std::sort(next.begin(), next.end(), comesFirst);
  if (next.size() > kMost) next.resize(kMost);
  std::vector<Service> services;
  missing_.clear();
  for (Member& member : next) {
    services.push_back(std::move(member.service));
    missing_.push_back(member.missing);
  }
  return std::exchange(current_, std::move(services)) != current_;
}

bool ServiceSet::unsure() const {
  return std::any_of(missing_.begin(), missing_.end(), [](uint32_t count) { return count > 0; });
}

void ServiceSet::clear() {
  current_.clear();
  missing_.clear();
}

}  // namespace oxbow::dns
