#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace oxbow {

class BlockPool;

// A loan of memory from a BlockPool, given back when the handle goes. The bytes are not cleared.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    Block(std::move(other)).swap(*this);
    return *this;
  }
  ~Block() {
    if (data_ != nullptr) giveBack();
  }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t capacity() const { return capacity_; }  // bytes; 0 of an empty handle
  explicit operator bool() const { return data_ != nullptr; }

  // Gives the memory back now.
  void reset() { Block().swap(*this); }

 private:
  friend class BlockPool;
  Block(BlockPool& pool, char* data, size_t capacity)
      : pool_(&pool), data_(data), capacity_(capacity) {}

  void swap(Block& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
  }
  void giveBack();

  BlockPool* pool_ = nullptr;
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

// Memory for exchanges and queues of one worker: blocks of 1, 4, 16 and 64 KiB from free lists, so
// that a warm worker does not allocate. Larger blocks are allocated and freed each time. Each free
// list is bounded; what exceeds its bound is freed. Not thread-safe. Must outlive its blocks.
class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `bytes`; of 1 KiB when that is 0.
  Block take(size_t bytes);
  // The same, but empty when there is no memory: for what a client decides the size of.
  Block tryTake(size_t bytes);

  // Frees what the free lists hold: for quiet times.
  void trim();

  size_t freeBytes() const { return freeBytes_; }  // held for the next take()
  size_t lentBytes() const { return lentBytes_; }  // in living blocks

 private:
  friend class Block;
  static constexpr int kClasses = 4;

  struct FreeBlock {
    FreeBlock* next;
  };
  struct FreeList {
    FreeBlock* first = nullptr;
    size_t count = 0;
  };

  static int classOf(size_t bytes);
  static size_t capacityFor(size_t bytes);
  Block lend(char* data, size_t capacity);
  void giveBack(char* data, size_t capacity);
  char* pop(int index);
  void push(int index, char* data);

  FreeList lists_[kClasses];
  size_t freeBytes_ = 0;
  size_t lentBytes_ = 0;
};

inline void Block::giveBack() { pool_->giveBack(data_, capacity_); }

}  // namespace oxbow
