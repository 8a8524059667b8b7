#include "proxy/demo/comparison.h"

#include <fmt/format.h>

#include <iterator>
#include <thread>
#include <utility>

#include "proxy/config/loader.h"
#include "proxy/demo/origin_thread.h"
#include "proxy/server/server.h"

namespace oxbow::demo {

namespace {

config::Config configOf(const SocketAddress& origin, uint32_t keepalive) {
  const std::string text = fmt::format(
      "workers: 1\n"  // the load and the origin want their cores too
      "drain_spread: 0s\n"
      "upstreams:\n"
      "  app: {{ servers: [ \"{}\" ], keepalive: {}, keepalive_requests: 1000000000 }}\n"
      "listeners:\n"
      "  - {{ listen: \"127.0.0.1:0\", routes: [ {{ proxy_pass: app }} ] }}\n",
      origin.text(), keepalive);
  auto loaded = config::loadText(text, "oxbow demo");
  ASSERT(loaded.config.has_value());
  return std::move(*loaded.config);
}

// A load on a thread of its own.
class LoadThread {
 public:
  void start(const Load::Options& options, std::function<void()> done) {
    thread_ = std::thread([this, options, done = std::move(done)] {
      const SystemClock clock;
      event::Dispatcher dispatcher(clock);
      Load load(dispatcher, options);
      load.start([&](LoadResult result) {
        result_ = std::move(result);
        dispatcher.stop();
      });
      dispatcher.run();
      done();
    });
  }

  // Waits for its end.
  LoadResult take() {
    if (thread_.joinable()) thread_.join();
    return std::move(result_);
  }

 private:
  std::thread thread_;
  LoadResult result_;
};

std::string milliseconds(uint32_t micros) {
  return fmt::format("{:.2f} ms", static_cast<double>(micros) / 1000);
}

// 1234567 as 1,234,567.
std::string grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace

double Measured::reuse() const {
  if (originRequests <= originConnections) return 0;
  return static_cast<double>(originRequests - originConnections) /
         static_cast<double>(originRequests);
}

Result<Measured> measure(uint32_t keepalive, uint32_t clients, Duration time) {
  OriginOptions options;
  options.address = SocketAddress::parse("127.0.0.1:0").value();
  auto origin = OriginThread::start(options);
  if (!origin.ok()) return origin.error();

  LoadThread load;
  {
    server::Server server(configOf(origin.value()->address(), keepalive));
    server.onReady([&] {
      load.start({server.addresses().front(), clients, time},
                 [&server] { server.dispatcher().post([&server] { server.stopNow(); }); });
    });
    if (const auto error = server.start()) return *error;
    server.run();
  }
  const admin::ListenerReport seen = origin.value()->report();
  return Measured{keepalive, load.take(), seen.accepted, seen.requests};
}

std::string tableOf(const Measured& without, const Measured& with) {
  fmt::memory_buffer out;
  const auto row = [&](std::string_view name, const auto& text) {
    fmt::format_to(std::back_inserter(out), "{:<26}{:>16}{:>16}\n", name, text(without),
                   text(with));
  };
  row("", [](const Measured& m) { return m.keepalive == 0 ? "without a pool" : "with a pool"; });
  row("keepalive", [](const Measured& m) { return std::to_string(m.keepalive); });
  row("requests", [](const Measured& m) { return grouped(m.load.answered()); });
  row("failed", [](const Measured& m) { return grouped(m.load.failed); });
  row("requests a second",
      [](const Measured& m) { return grouped(static_cast<uint64_t>(m.load.perSecond())); });
  row("latency p50", [](const Measured& m) { return milliseconds(m.load.percentile(0.5)); });
  row("latency p99", [](const Measured& m) { return milliseconds(m.load.percentile(0.99)); });
  row("connections at the origin", [](const Measured& m) { return grouped(m.originConnections); });
  row("requests on a reused one",
      [](const Measured& m) { return fmt::format("{:.2f} %", m.reuse() * 100); });
  return fmt::to_string(out);
}

}  // namespace oxbow::demo
