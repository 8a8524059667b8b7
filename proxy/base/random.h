#pragma once

#include <cstdint>

#include "proxy/base/assert.h"

namespace oxbow {

// A seed that differs from process to process, from the kernel. Not for keys: for jitter.
uint64_t randomSeed();

// xoshiro256++ of Blackman and Vigna, its state filled by splitmix64: small, fast, good enough for
// balancing and jitter, no use for secrets. One per worker; not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix(seed);
  }

  uint64_t next() {
    const uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // An integer in [0, n), each equally likely (Lemire's multiply and reject). REQUIRES: n > 0
  uint64_t below(uint64_t n) {
    ASSERT(n > 0);
    Wide product = static_cast<Wide>(next()) * n;
    if (static_cast<uint64_t>(product) < n) {
      const uint64_t threshold = (0 - n) % n;
      while (static_cast<uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
  }

  // In [0, 1), from 53 random bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  __extension__ typedef unsigned __int128 Wide;

  static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

  static uint64_t splitmix(uint64_t& state) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_[4];
};

}  // namespace oxbow
