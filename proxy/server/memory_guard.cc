#include "proxy/server/memory_guard.h"

#include <cstdlib>
#include <utility>

#include "proxy/log/log.h"

namespace oxbow::server {

MemoryGuard::MemoryGuard(upstream::WorkerContext& worker, MemoryAccount& account, Owner& owner)
    : worker_(worker), account_(account), owner_(owner) {}

MemoryGuard::~MemoryGuard() {
  worker_.dispatcher.cancel(*this);
  account_.add(-told_);
}

void MemoryGuard::configure(uint64_t bufferLimit) {
  bufferLimit_ = bufferLimit;
  worker_.memory = account_.limit() != 0 ? this : nullptr;
  look();
}

bool MemoryGuard::admits() {
  tell(kStep);
  if (!armed()) worker_.dispatcher.setDeadline(*this, worker_.dispatcher.now() + kLook);
  if (!account_.full()) return true;
  ++refused_;
  return false;
}

void MemoryGuard::tell(int64_t least) {
  const auto held =
      static_cast<int64_t>(objects_ + worker_.blocks.lentBytes() + worker_.blocks.freeBytes());
  if (std::abs(held - told_) < least) return;
  account_.add(held - told_);
  told_ = held;
}

void MemoryGuard::onTimer() {
  const int64_t before = told_;
  look();
  // Idle: the next exchange begins it anew.
  if (told_ == before && !pressing_) return;
  worker_.dispatcher.setDeadline(*this, worker_.dispatcher.now() + kLook);
}

void MemoryGuard::look() {
  objects_ = owner_.objectBytes();
  tell(1);
  const bool before = std::exchange(pressing_, account_.pressed());
  if (pressing_) {
    if (!before)
      LOG_WARN("memory_limit is near: {} of {} bytes; less is read, idle clients are closed",
               account_.used(), account_.limit());
    worker_.bufferLimit = 0;
    worker_.blocks.trim();
    shed_ += owner_.shedIdle(kShedAtOnce);
    return;
  }
  worker_.bufferLimit = bufferLimit_;
  if (!before) return;
  LOG_INFO("memory_limit is not near any more: {} of {} bytes", account_.used(), account_.limit());
  while (upstream::StarvedReader* reader = worker_.starved.popFront()) reader->onRoom();
}

}  // namespace oxbow::server
