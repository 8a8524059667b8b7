#pragma once

#include <cstdint>

#include "proxy/config/config.h"

namespace oxbow::server {

// Descriptors that a full house takes beside those of clients: oxbow's own, and to each upstream
// the connections that its caps allow, or, without a cap, those that it keeps idle.
uint64_t descriptorsBeside(const config::Config& config);

// How many clients are served at once by a process that may open `limit` descriptors:
// worker_connections, or what the rest leaves, half of the limit at the least. Clients who only
// wait must not keep oxbow from reaching servers, nor the admin pages from answering.
uint32_t clientsWithin(const config::Config& config, uint64_t limit);

// The same for this process as it is now.
uint32_t clientsAtOnce(const config::Config& config);

}  // namespace oxbow::server
