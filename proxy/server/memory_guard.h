#pragma once

#include <cstdint>
#include <memory>

#include "proxy/base/memory_account.h"
#include "proxy/event/dispatcher.h"
#include "proxy/upstream/worker_context.h"

namespace oxbow::server {

// Keeps one worker's part of memory_limit: tells the account what the worker holds, and under
// pressure has it read less and close idle clients. Sleeps when nothing changes. Worker's thread
// only; the account is shared.
class MemoryGuard final : public upstream::MemoryWatch, private event::Timer {
 public:
  // What the guard cannot count while it goes: called a few times a second at most.
  class Owner {
   public:
    // Bytes of clients, their exchanges and connections to servers; buffers excluded.
    virtual uint64_t objectBytes() = 0;
    // Closes up to so many idle clients, the oldest first; returns how many.
    virtual size_t shedIdle(size_t most) = 0;

   protected:
    ~Owner() = default;
  };

  // All outlive the guard.
  MemoryGuard(upstream::WorkerContext& worker, MemoryAccount& account, Owner& owner);
  ~MemoryGuard() override;

  // Whether there is a limit at all, and what may be read ahead without pressure.
  void configure(uint64_t bufferLimit);

  bool admits() override;
  bool pressed() const override { return account_.pressed(); }
  uint64_t shed() const { return shed_; }        // idle clients
  uint64_t refused() const { return refused_; }  // exchanges

 private:
  static constexpr Duration kLook = std::chrono::milliseconds(100);
  static constexpr size_t kShedAtOnce = 256;  // clients a look
  static constexpr int64_t kStep = 64 << 10;  // smaller changes wait for the next look

  void onTimer() override;
  void tell(int64_t least);
  void look();

  upstream::WorkerContext& worker_;
  MemoryAccount& account_;
  Owner& owner_;
  uint64_t bufferLimit_ = 0;
  uint64_t objects_ = 0;
  int64_t told_ = 0;
  uint64_t shed_ = 0;
  uint64_t refused_ = 0;
  bool pressing_ = false;
};

}  // namespace oxbow::server
