// A fixed number of requests over a fixed number of keep-alive connections, each request timed.
// A load generator that runs for a time cannot say how many requests it will make; the exact caps
// and the costs per request are counted with this one.

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "tests/bench/http_client.h"
#include "tests/bench/latencies.h"

namespace oxbow::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Tally {
  std::vector<int64_t> nanoseconds;
  uint32_t errors = 0;
};

Tally ping(HttpClient& client, uint32_t requests) {
  Tally tally;
  tally.nanoseconds.reserve(requests);
  for (uint32_t i = 0; i < requests; ++i) {
    const auto start = Clock::now();
    if (!client.get()) {
      tally.errors = requests - i;
      break;
    }
    tally.nanoseconds.push_back((Clock::now() - start) / std::chrono::nanoseconds(1));
  }
  return tally;
}

Tally pingFromAll(std::vector<std::unique_ptr<HttpClient>>& clients, uint32_t requestsEach) {
  std::vector<Tally> tallies(clients.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < clients.size(); ++i)
    threads.emplace_back([&, i] { tallies[i] = ping(*clients[i], requestsEach); });
  for (std::thread& thread : threads) thread.join();
  Tally all;
  for (const Tally& tally : tallies) {
    all.errors += tally.errors;
    all.nanoseconds.insert(all.nanoseconds.end(), tally.nanoseconds.begin(),
                           tally.nanoseconds.end());
  }
  return all;
}

}  // namespace
}  // namespace oxbow::bench

int main(int argc, char** argv) {
  using namespace oxbow::bench;
  if (argc < 3 || argc > 6) {
    std::fprintf(stderr,
                 "usage: pinger PORT REQUESTS [CLIENTS [PATH [CA_FILE]]]    (on 127.0.0.1)\n");
    return 2;
  }
  const uint16_t port = portOf(argv[1]);
  const uint32_t requests = numberOf(argv[2], 1, 100'000'000);
  const uint32_t count = argc > 3 ? numberOf(argv[3], 1, 1000) : 1;
  const std::string path = argc > 4 ? argv[4] : "/";
  if (requests % count != 0) {
    std::fprintf(stderr, "the clients cannot share %u requests evenly\n", requests);
    return 2;
  }
  std::optional<ClientTls> tls;
  if (argc > 5) tls.emplace(argv[5]);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (uint32_t i = 0; i < count; ++i)
    clients.push_back(std::make_unique<HttpClient>(port, path, tls ? &*tls : nullptr));

  Tally tally = pingFromAll(clients, requests / count);
  std::sort(tally.nanoseconds.begin(), tally.nanoseconds.end());
  std::printf("{\"requests\": %zu, \"errors\": %u, \"median_ns\": %lld, \"p99_ns\": %lld}\n",
              tally.nanoseconds.size(), tally.errors, percentile(tally.nanoseconds, 50),
              percentile(tally.nanoseconds, 99));
  return tally.errors == 0 ? 0 : 1;
}
