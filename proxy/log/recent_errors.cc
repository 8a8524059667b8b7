#include "proxy/log/recent_errors.h"

namespace oxbow::log {

bool RecentError::isMoreOf(const RecentError& other) const {
  return code == other.code && std::strcmp(detail, other.detail) == 0 &&
         upstream.view() == other.upstream.view() && listener.view() == other.listener.view() &&
         first - other.last < RecentErrors::kTogether &&
         other.first - last < RecentErrors::kTogether;
}

void RecentError::merge(const RecentError& other) {
  const WallTime since = std::min(first, other.first);
  const uint64_t both = count + other.count;
  if (other.last > last) *this = other;
  first = since;
  count = both;
}

// Where in the order it stands already; size_ when it does not.
size_t RecentErrors::placeOf(const AccessRecord& record, std::string_view listener) const {
  for (size_t place = 0; place < size_; ++place) {
    const RecentError& entry = entries_[order_[place]];
    if (record.time - entry.last >= kTogether) continue;
    // Static text: the same error says it with the same pointer.
    if (entry.code == record.error && entry.detail == record.detail &&
        entry.upstream.holds(record.upstream) && entry.listener.holds(listener))
      return place;
  }
  return size_;
}

void RecentErrors::add(const AccessRecord& record, std::string_view listener) {
  size_t place = placeOf(record, listener);
  const bool isNew = place == size_;
  if (isNew && size_ < kKept) order_[size_++] = static_cast<uint8_t>(place);
  place = std::min(place, kKept - 1);  // a new one takes the oldest one's
  const uint8_t index = order_[place];
  std::memmove(&order_[1], &order_[0], place);
  order_[0] = index;

  RecentError& entry = entries_[index];
  if (isNew) {
    entry.first = record.time;
    entry.count = 0;
    entry.code = record.error;
    entry.detail = record.detail;
    entry.listener.assign(listener);
    entry.upstream.assign(record.upstream);
  }
  ++entry.count;
  entry.last = record.time;
  entry.status = record.status;
  entry.endpoint.assign(record.endpoint);
  entry.method.assign(record.method);
  entry.path.assign(record.target);
}

std::vector<RecentError> RecentErrors::list() const {
  std::vector<RecentError> list;
  list.reserve(size_);
  for (size_t place = 0; place < size_; ++place) list.push_back(entries_[order_[place]]);
  return list;
}

}  // namespace oxbow::log
