// Opens keep-alive connections, makes one request on each, and holds them idle until its standard
// input ends. "ready" on standard output says that all stand. With a CA they speak TLS.

#include <sys/resource.h>

#include <memory>
#include <optional>
#include <vector>

#include "tests/bench/http_client.h"

namespace {

void raiseFileLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace oxbow::bench;
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: idle_clients PORT COUNT [CA_FILE]    (on 127.0.0.1)\n");
    return 2;
  }
  const uint16_t port = portOf(argv[1]);
  const uint32_t count = numberOf(argv[2], 1, 60'000);
  raiseFileLimit();

  std::optional<ClientTls> tls;
  if (argc > 3) tls.emplace(argv[3]);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (uint32_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<HttpClient>(port, "/", tls ? &*tls : nullptr));
    if (!clients.back()->get()) {
      std::fprintf(stderr, "client %u of %u got no answer\n", i + 1, count);
      return 1;
    }
  }
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return 0;
}
