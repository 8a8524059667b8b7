#include "proxy/demo/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace oxbow::demo {

namespace {

// The loop, the mailboxes, logs, the resolver and the admin pages.
constexpr uint64_t kOwn = 64;

uint64_t connectionsOf(const config::Upstream& upstream) {
  uint64_t sum = 0;
  for (const config::Server& server : upstream.servers) {
    const uint32_t cap = server.maxConns ? **server.maxConns : *upstream.maxConns;
    sum += cap != 0 ? cap : *upstream.keepalive;
  }
  const uint32_t total = *upstream.maxTotalConns;
  return total != 0 ? std::min<uint64_t>(total, sum) : sum;
}

}  // namespace

// Each is opened for what nobody does with it, as glibc does it for programs with more rights.
void openStandardDescriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

uint64_t raiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

uint64_t descriptorsNeeded(const config::Config& config) {
  uint64_t sum = kOwn + config.listeners.size() + *config.workerConnections;
  for (const config::Upstream& upstream : config.upstreams) sum += connectionsOf(upstream);
  return sum;
}

}  // namespace oxbow::demo
