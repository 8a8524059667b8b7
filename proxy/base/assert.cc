#include "proxy/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace oxbow {

void assertionFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "oxbow: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace oxbow
