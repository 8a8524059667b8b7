// Counts what the worker's thread allocates per request once it is warm: nothing, for small plain
// requests. Counts operator new of everything linked in, and malloc of libevent.

#include <doctest/doctest.h>
#include <event2/event.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"

namespace {

std::atomic<uint64_t> allocations{0};

// Whether this is the worker's thread; asked once a thread, behind its naming.
bool counted() {
  char name[16] = "";
  return pthread_getname_np(pthread_self(), name, sizeof name) == 0 &&
         std::strncmp(name, "worker-", 7) == 0;
}

void* allocate(size_t size) {
  if (counted()) allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return allocate(size); }
void* operator new[](size_t size) { return allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace oxbow::integration {

namespace {

void* eventMalloc(size_t size) { return allocate(size); }
void* eventRealloc(void* memory, size_t size) {
  if (counted()) allocations.fetch_add(1, std::memory_order_relaxed);
  return std::realloc(memory, size);
}

// Before the first dispatcher is made.
const bool hooked = [] {
  event_set_mem_functions(eventMalloc, eventRealloc, std::free);
  return true;
}();

struct Case {
  const char* name;
  std::string request;
  std::string log;
  bool isWatched = false;  // somebody reads the events
};

uint64_t allocationsOf(const Case& what) {
  constexpr int kWarmUp = 500;
  constexpr int kMeasured = 2000;
  FakeUpstream upstream(answering(ok(std::string(66, 'x'))));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .upstream = "keepalive_requests: 1000000",
                    .listener = what.log,
                    .top = kAdmin});
  RawClient watcher(oxbow.admin());
  if (what.isWatched) {
    watcher.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(watcher.awaitText(": events of oxbow"));
  }
  RawClient client(oxbow.address());
  for (int i = 0; i < kWarmUp; ++i) REQUIRE(client.ask(what.request).status() == 200);
  const uint64_t before = allocations.load();
  for (int i = 0; i < kMeasured; ++i) REQUIRE(client.ask(what.request).status() == 200);
  return allocations.load() - before;
}

}  // namespace

TEST_CASE("the counter counts: a worker allocates before it is warm") {
  REQUIRE(hooked);
  const uint64_t before = allocations.load();
  FakeUpstream upstream(answering(ok("hello")));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  REQUIRE(client.ask(get()).status() == 200);
  CHECK(allocations.load() > before);
}

TEST_CASE("a warm worker allocates nothing for a small request") {
  const std::string off = "access_log: off";
  const std::string json = "access_log: { path: /dev/null, format: json }";
  const std::string text = "access_log: { path: /dev/null, format: text }";
  const std::string sample = "access_log: { path: /dev/null, sample: 0.5, keys: [ status ] }";
  const std::string errors = "access_log: { path: /dev/null, errors: on, slow: 1h }";
  const std::string body(200, 'b');
  const Case cases[] = {{"GET, log off", get(), off},
                        {"GET, JSON log", get(), json},
                        {"GET, text log", get(), text},
                        {"GET, a sample", get(), sample},
                        {"GET, only what failed", get(), errors},
                        {"GET, with events read", get(), off, true},
                        {"POST, log off", post(body), off},
                        {"POST, JSON log", post(body), json},
                        {"chunked POST, log off", postChunked(chunked(body)), off}};
  for (const Case& what : cases) {
    CAPTURE(what.name);
    CHECK(allocationsOf(what) == 0);
  }
}

}  // namespace oxbow::integration
