#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/log/flood_gate.h"

// Log lines for people: LOG_WARN("cannot resolve {}: {}", host, reason). The arguments are not
// evaluated when the level is off. Each place in the code gets at most 20 lines a second; how many
// more there were is told with the next one, or at the end. A thread of its own writes the lines;
// when it cannot keep up, the oldest go. Any thread.

namespace oxbow::log {

enum class Level : uint8_t { Debug, Info, Warn, Error, Off };

// Starts the writer. `path` is "stderr", "stdout" or a file. False when it cannot be opened; then,
// as before init() and after shutdown(), lines go straight to standard error.
// REQUIRES: main thread, before others log.
bool init(Level level, std::string path = "stderr");

// Any thread, at any time. Before init() the level is Warn.
void setLevel(Level level);

// Writes what is queued, waiting a second at most for an output that does not take it, and ends the
// writer. REQUIRES: main thread, no other thread logs any more.
void shutdown();

// Lines lost because the writer could not keep up or its output failed. Any thread, between init()
// and shutdown().
uint64_t droppedLines();

// Lines held back by the limit of their place. Any thread.
uint64_t suppressedLines();

// What LOG_* expands to.

namespace detail {

extern std::atomic<Level> threshold;

// A place in the code that logs.
struct Place {
  FloodGate gate;
  Place* next = nullptr;  // in the list of places that have suppressed
  std::atomic<bool> listed{false};
  fmt::string_view format;  // valid once listed
};

[[gnu::cold]] void emit(Level level, Place& place, fmt::string_view format, fmt::format_args args);

template <typename... Args>
[[gnu::cold]] void line(Level level, Place& place, fmt::format_string<Args...> format,
                        Args&&... args) {
  emit(level, place, format, fmt::make_format_args(args...));
}

}  // namespace detail

inline bool enabled(Level level) {
  return level >= detail::threshold.load(std::memory_order_relaxed);
}

}  // namespace oxbow::log

#define OXBOW_LOG(wanted, ...)                                        \
  do {                                                                \
    if (::oxbow::log::enabled(wanted)) {                              \
      static constinit ::oxbow::log::detail::Place oxbowLogPlace;     \
      ::oxbow::log::detail::line(wanted, oxbowLogPlace, __VA_ARGS__); \
    }                                                                 \
  } while (false)

#define LOG_DEBUG(...) OXBOW_LOG(::oxbow::log::Level::Debug, __VA_ARGS__)
#define LOG_INFO(...) OXBOW_LOG(::oxbow::log::Level::Info, __VA_ARGS__)
#define LOG_WARN(...) OXBOW_LOG(::oxbow::log::Level::Warn, __VA_ARGS__)
#define LOG_ERROR(...) OXBOW_LOG(::oxbow::log::Level::Error, __VA_ARGS__)
