#include "proxy/demo/origin_command.h"

#include <csignal>

#include "proxy/demo/descriptors.h"
#include "proxy/event/dispatcher.h"
#include "proxy/log/log.h"

namespace oxbow::demo {

namespace {

int serve(const OriginOptions& options) {
  raiseDescriptorLimit();
  const SystemClock clock;
  event::Dispatcher dispatcher(clock);
  auto opened = Origin::open(dispatcher, options);
  if (!opened.ok()) {
    LOG_ERROR("{}", opened.error());
    return 1;
  }
  Origin& origin = *opened.value();
  bool draining = false;
  const auto onSignal = [&] {
    if (draining) return dispatcher.stop();
    draining = true;
    origin.drain([&dispatcher] { dispatcher.stop(); });
  };
  const event::SignalEvent terminated(dispatcher, SIGTERM, onSignal);
  const event::SignalEvent interrupted(dispatcher, SIGINT, onSignal);
  LOG_INFO("origin on {}", origin.address().text());
  dispatcher.run();
  LOG_INFO("stopped");
  return 0;
}

}  // namespace

int originCommand(const OriginOptions& options) {
  log::init(log::Level::Info);
  const int status = serve(options);
  log::shutdown();
  return status;
}

}  // namespace oxbow::demo
