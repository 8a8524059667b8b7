#include "proxy/log/log.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/base/utf8.h"
#include "proxy/log/line_sink.h"

namespace oxbow::log {

namespace detail {
std::atomic<Level> threshold{Level::Warn};
}

namespace {

constexpr size_t kQueuedLines = 1024;
constexpr std::string_view kHex = "0123456789abcdef";

struct Writer {
  std::shared_ptr<LineSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

std::atomic<Writer*> writer{nullptr};
std::atomic<uint64_t> suppressed{0};
std::atomic<detail::Place*> floodedPlaces{nullptr};

spdlog::level::level_enum spdlogLevel(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
    case Level::Off:
      break;
  }
  return spdlog::level::off;
}

void blockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// Peers choose part of what is logged: they shall not forge lines or drive a terminal.
std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8Length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool c1 = first == 0xc2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f || c1) {
      result.append("\\x") += kHex[first >> 4];
      result += kHex[first & 15];
      text.remove_prefix(1);
    } else {
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return result;
}

void hand(Level level, std::string_view text) {
  const std::string line = printable(text);
  if (const Writer* const to = writer.load(std::memory_order_acquire)) {
    to->logger->log(spdlogLevel(level), spdlog::string_view_t(line.data(), line.size()));
    return;
  }
  const std::string direct = "oxbow: " + line + '\n';
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, direct.data(), direct.size());
}

// The text of a format without its arguments: "cannot open ...: ...".
std::string withoutArguments(std::string_view format) {
  std::string text;
  for (size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    const bool doubled = at + 1 < format.size() && format[at + 1] == c;
    if (c == '{' && !doubled) {
      text += "...";
      at = std::min(format.find('}', at), format.size());
      continue;
    }
    text += c;
    if ((c == '{' || c == '}') && doubled) ++at;
  }
  return text;
}

void tellSuppressed(Level level, fmt::string_view format, uint32_t count) {
  hand(level, fmt::format("{} more lines were suppressed like: {}", count,
                          withoutArguments({format.data(), format.size()})));
}

// Remembers the place, once, so that shutdown() can tell what nobody has told by then.
void list(detail::Place& place, fmt::string_view format) {
  if (place.listed.exchange(true)) return;
  place.format = format;
  place.next = floodedPlaces.load();
  while (!floodedPlaces.compare_exchange_weak(place.next, &place)) {
  }
}

}  // namespace

void detail::emit(Level level, Place& place, fmt::string_view format, fmt::format_args args) {
  const FloodGate::Verdict verdict = place.gate.ask(std::chrono::steady_clock::now());
  if (!verdict.admitted) {
    suppressed.fetch_add(1, std::memory_order_relaxed);
    list(place, format);
    return;
  }
  if (verdict.suppressed > 0) tellSuppressed(level, format, verdict.suppressed);
  try {
    fmt::memory_buffer text;
    fmt::vformat_to(fmt::appender(text), format, args);
    hand(level, std::string_view(text.data(), text.size()));
  } catch (const std::exception& error) {
    // A width that came as an argument and makes no sense, say: no reason to end the caller.
    hand(level, std::string(format.data(), format.size()) + ": " + error.what());
  }
}

bool init(Level level, std::string path) {
  ASSERT(writer.load() == nullptr);
  setLevel(level);
  Result<LogOutput> output = LogOutput::open(std::move(path));
  if (!output) {
    if (enabled(Level::Error)) hand(Level::Error, output.error());
    return false;
  }
  auto fresh = std::make_unique<Writer>();
  fresh->sink = std::make_shared<LineSink>(std::move(output.value()));
  fresh->sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ [%l] %v", spdlog::pattern_time_type::utc));
  fresh->pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1, blockSignals);
  fresh->logger = std::make_shared<spdlog::async_logger>(
      "oxbow", fresh->sink, fresh->pool, spdlog::async_overflow_policy::overrun_oldest);
  fresh->logger->set_level(spdlog::level::trace);  // enabled() has decided already
  writer.store(fresh.release(), std::memory_order_release);
  return true;
}

void setLevel(Level level) { detail::threshold.store(level, std::memory_order_relaxed); }

void shutdown() {
  for (detail::Place* at = floodedPlaces.load(); at != nullptr; at = at->next)
    if (const uint32_t count = at->gate.takeSuppressed(); count > 0)
      tellSuppressed(Level::Warn, at->format, count);
  const std::unique_ptr<Writer> last(writer.exchange(nullptr));
  if (last == nullptr) return;
  last->sink->stop();
  last->logger.reset();
  last->pool.reset();  // joins behind the last line
}

uint64_t droppedLines() {
  const Writer* const to = writer.load(std::memory_order_acquire);
  return to == nullptr ? 0 : to->pool->overrun_counter() + to->sink->dropped();
}

uint64_t suppressedLines() { return suppressed.load(std::memory_order_relaxed); }

}  // namespace oxbow::log
