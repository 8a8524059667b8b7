#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace oxbow::server {

// How many CPUs this process may use: those of its affinity mask, or what the CPU quota of its
// cgroup comes to if that is less, rounded up to whole CPUs. At least 1. Any thread; reads files.
uint32_t availableCpus();

// The parts of it. The CPUs that the calling thread may run on.
uint32_t affinityCpus();

// What the quotas of the process's cgroups (v1, v2 or both) and of the groups around them allow,
// rounded up: the least of them, or none without a quota. What is missing or malformed is no quota.
// The files are looked for in `root`, which is "/" outside of tests. See cgroups(7), and
// admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst of the kernel's documentation.
std::optional<uint64_t> quotaCpus(const std::string& root);

uint32_t availableCpus(uint32_t affinity, const std::string& root);

}  // namespace oxbow::server
