#include "proxy/demo/demo_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "proxy/demo/comparison.h"
#include "proxy/demo/descriptors.h"
#include "proxy/demo/print.h"

namespace oxbow::demo {

namespace {

std::optional<Measured> measureOrComplain(uint32_t keepalive, const DemoOptions& options) {
  auto measured = measure(keepalive, options.clients, std::chrono::seconds(options.seconds));
  if (measured.ok()) return std::move(measured.value());
  print(stderr, fmt::format("oxbow demo: {}\n", measured.error()));
  return std::nullopt;
}

bool say(std::string_view text) { return printResult(stdout, text, stderr) == 0; }

}  // namespace

int demoCommand(const DemoOptions& options) {
  raiseDescriptorLimit();
  if (!say(fmt::format("{} clients ask for a small page through oxbow, {} s without a pool ...\n",
                       options.clients, options.seconds)))
    return 1;
  const auto without = measureOrComplain(0, options);
  if (!without) return 1;
  if (!say(fmt::format("... and {} s with one.\n\n", options.seconds))) return 1;
  const auto with = measureOrComplain(options.clients, options);
  if (!with) return 1;
  const std::string note = fmt::format(
      "\nMeasured just now. Clients, oxbow and origin shared {} CPUs of this machine, and "
      "a\nconnection to an origin on the same machine is as cheap as it gets.\n",
      std::thread::hardware_concurrency());
  if (!say(tableOf(*without, *with) + note)) return 1;
  return without->load.answered() > 0 && with->load.answered() > 0 ? 0 : 1;
}

}  // namespace oxbow::demo
