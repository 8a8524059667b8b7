#include "proxy/server/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

using namespace oxbow;

namespace {

admin::ProcessReport reported() {
  admin::ProcessReport report;
  server::reportProcess(report);
  return report;
}

}  // namespace

TEST_CASE("descriptors are counted, and their limit is told") {
  const uint64_t before = reported().openDescriptors;
  CHECK(before >= 3);
  std::vector<int> opened;
  for (int i = 0; i < 10; ++i) opened.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(reported().openDescriptors == before + 10);
  for (const int fd : opened) close(fd);
  CHECK(reported().openDescriptors == before);
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(reported().descriptorLimit == limit.rlim_cur);
}

TEST_CASE("resident memory is what was touched") {
  constexpr size_t kBytes = 64 << 20;
  const uint64_t before = reported().residentBytes;
  CHECK(before > 0);
  const auto memory = std::make_unique<char[]>(kBytes);
  std::memset(memory.get(), 1, kBytes);
  CHECK(reported().residentBytes > before + kBytes / 2);
}

TEST_CASE("CPU time grows") {
  const double before = reported().cpuSeconds;
  volatile uint64_t work = 0;
  while (reported().cpuSeconds < before + 0.01)
    for (int i = 0; i < 100000; ++i) work = work + 1;
  CHECK(reported().cpuSeconds >= before + 0.01);
}
