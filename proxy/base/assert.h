#pragma once

// Assertions are always on: we err, so assert; peers err, so return a value.

namespace oxbow {

// Prints the failed condition with its place and aborts: the process has no half-life.
[[noreturn, gnu::cold]] void assertionFailed(const char* condition, const char* file, int line);

}  // namespace oxbow

#define ASSERT(condition)                                       \
  do {                                                          \
    if (__builtin_expect(!(condition), 0))                      \
      ::oxbow::assertionFailed(#condition, __FILE__, __LINE__); \
  } while (false)
