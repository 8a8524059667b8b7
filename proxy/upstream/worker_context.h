#pragma once

#include <cstddef>

#include "proxy/base/block_pool.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/random.h"
#include "proxy/codec/http/date_line.h"
#include "proxy/codec/http/field.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/codec/http1/section_memo.h"
#include "proxy/event/dispatcher.h"
#include "proxy/log/recent_errors.h"
#include "proxy/pool/lifecycle.h"
#include "proxy/upstream/opening_lane.h"

namespace oxbow::upstream {

struct StarvedTag;

// Reads a response, and has stopped because all clients together have proxy_buffers_total waiting
// for them.
class StarvedReader : public ListHook<StarvedTag> {
 public:
  // There is room again; it is off the list.
  virtual void onRoom() = 0;

 protected:
  ~StarvedReader() = default;
};

// Keeps what a worker holds within memory_limit.
class MemoryWatch {
 public:
  // Whether one more exchange may begin.
  virtual bool admits() = 0;
  // Whether less is to be read.
  virtual bool pressed() const = 0;

 protected:
  ~MemoryWatch() = default;
};

// What everything on one worker shares. No slice of a scratch outlives the callback that filled it,
// and callbacks do not nest: one readiness event reads into `in` and builds in `out`.
struct WorkerContext {
  static constexpr size_t kIn = 128 << 10;
  static constexpr size_t kOut = 96 << 10;
  static constexpr size_t kMemos = 8;
  static constexpr uint64_t kMaxWorkers = 256;

  WorkerContext(event::Dispatcher& d, uint64_t seed) : dispatcher(d), random(seed), openings(d) {}

  // Of the bytes that wait for clients `before` have become `now`. Readers that starve go on when a
  // quarter of the budget is free: one by one they would fill every gap with a small read.
  void accountBuffered(size_t before, size_t now) {
    buffered += now;
    buffered -= before;
    if (starved.empty() || now >= before || buffered > bufferLimit / 4 * 3) return;
    while (StarvedReader* reader = starved.popFront()) reader->onRoom();
  }

  // The id of the next client: increasing on each worker, and no other client's on any.
  uint64_t takeClientId() { return clientId += kMaxWorkers; }

  event::Dispatcher& dispatcher;
  Random random;
  OpeningLane openings;
  BlockPool blocks;
  http::DateLine date;
  uint64_t buffered = 0;             // response bytes read ahead of their clients
  uint64_t bufferLimit = 256 << 20;  // proxy_buffers_total
  MemoryWatch* memory = nullptr;     // null: there is no limit
  IntrusiveList<StarvedReader, StarvedTag> starved;
  uint64_t clientId = 0;  // the last one; begins as the worker's number
  pool::LifecycleRing lifecycle;
  pool::LifecyclePlaces* places = nullptr;  // of all workers; null: events have no names
  // Peers are spread over these: clients by number, servers by endpoint.
  http1::SectionMemo requestMemos[kMemos];
  http1::SectionMemo responseMemos[kMemos];
  http::Field fields[http1::kMaxFields];
  char in[kIn];
  char out[kOut];
  log::RecentErrors errors;  // last: large, and of no use to requests that go well
};

}  // namespace oxbow::upstream
