#include "proxy/base/random.h"

#include <sys/random.h>

#include <cerrno>

namespace oxbow {

uint64_t randomSeed() {
  uint64_t seed = 0;
  ssize_t got;
  do {
    got = getrandom(&seed, sizeof seed, 0);
  } while (got < 0 && errno == EINTR);
  ASSERT(got == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace oxbow
