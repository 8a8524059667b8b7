#include "proxy/pool/moving_conn.h"

namespace oxbow::pool {

Slots Slots::take(const std::shared_ptr<EndpointState>& endpoint,
                  const std::shared_ptr<SharedQueue>& upstream) {
  Slots slots;
  if (!endpoint->budget.tryTake()) return slots;
  if (!upstream->total.tryTake()) {
    endpoint->budget.giveBack();
    return slots;
  }
  slots.endpoint_ = endpoint;
  slots.upstream_ = upstream;
  return slots;
}

void Slots::giveBack() {
  if (endpoint_ == nullptr) return;
  upstream_->total.giveBack();
  endpoint_->budget.giveBack();
  upstream_.reset();
  endpoint_.reset();
}

}  // namespace oxbow::pool
