#include "proxy/pool/budget.h"

#include "proxy/base/assert.h"

namespace oxbow::pool {

void Budget::giveBack() {
  const std::lock_guard lock(mutex_);
  ASSERT(used_ > 0);
  --used_;
}

}  // namespace oxbow::pool
