#pragma once

#include <cstdint>

#include "proxy/config/config.h"

// File descriptors: every connection, of clients and to servers, takes one.

namespace oxbow::demo {

// Opens those of the descriptors 0 to 2 that came closed: else a socket of ours would get such a
// number, and what is printed would go into it. Reading and writing them still fails.
// REQUIRES: nothing was opened before.
void openStandardDescriptors();

// Lifts the soft limit of this process to the hard one; returns what it may open now.
uint64_t raiseDescriptorLimit();

// What a full house takes: worker_connections, and to each upstream the connections that its caps
// allow, or, without a cap, those that it keeps idle.
uint64_t descriptorsNeeded(const config::Config& config);

}  // namespace oxbow::demo
