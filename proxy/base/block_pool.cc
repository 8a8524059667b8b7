#include "proxy/base/block_pool.h"

#include <new>

#include "proxy/base/assert.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OXBOW_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(OXBOW_POISON)
#define OXBOW_POISON 1
#endif
#ifdef OXBOW_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace oxbow {

namespace {

struct Class {
  size_t bytes;
  size_t keep;  // blocks on the free list at most
};
constexpr Class kSizes[] = {{1 << 10, 256}, {4 << 10, 256}, {16 << 10, 128}, {64 << 10, 64}};

// Larger blocks are rounded to pages.
constexpr size_t kPage = 4 << 10;

// AddressSanitizer shall see the use of a block that was given back.
void poison([[maybe_unused]] char* data, [[maybe_unused]] size_t bytes) {
#ifdef OXBOW_POISON
  ASAN_POISON_MEMORY_REGION(data, bytes);
#endif
}

void unpoison([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#ifdef OXBOW_POISON
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
#endif
}

}  // namespace

BlockPool::~BlockPool() {
  ASSERT(lentBytes_ == 0);
  trim();
}

int BlockPool::classOf(size_t bytes) {
  for (int i = 0; i < kClasses; ++i)
    if (bytes <= kSizes[i].bytes) return i;
  return kClasses;
}

size_t BlockPool::capacityFor(size_t bytes) {
  const int index = classOf(bytes);
  return index < kClasses ? kSizes[index].bytes : (bytes + kPage - 1) / kPage * kPage;
}

Block BlockPool::take(size_t bytes) {
  const int index = classOf(bytes);
  const size_t capacity = capacityFor(bytes);
  char* data = index < kClasses ? pop(index) : nullptr;
  if (data == nullptr) data = static_cast<char*>(::operator new(capacity));
  return lend(data, capacity);
}

Block BlockPool::tryTake(size_t bytes) {
  const int index = classOf(bytes);
  const size_t capacity = capacityFor(bytes);
  char* data = index < kClasses ? pop(index) : nullptr;
  if (data == nullptr) data = static_cast<char*>(::operator new(capacity, std::nothrow));
  return data != nullptr ? lend(data, capacity) : Block();
}

Block BlockPool::lend(char* data, size_t capacity) {
  lentBytes_ += capacity;
  return Block(*this, data, capacity);
}

void BlockPool::giveBack(char* data, size_t capacity) {
  ASSERT(lentBytes_ >= capacity);
  lentBytes_ -= capacity;
  const int index = classOf(capacity);
  if (index < kClasses && lists_[index].count < kSizes[index].keep) {
    push(index, data);
  } else {
    ::operator delete(data);
  }
}

void BlockPool::trim() {
  for (int i = 0; i < kClasses; ++i)
    while (char* data = pop(i)) ::operator delete(data);
}

char* BlockPool::pop(int index) {
  FreeList& list = lists_[index];
  if (list.first == nullptr) return nullptr;
  FreeBlock* block = list.first;
  unpoison(block, kSizes[index].bytes);
  list.first = block->next;
  --list.count;
  freeBytes_ -= kSizes[index].bytes;
  return reinterpret_cast<char*>(block);
}

void BlockPool::push(int index, char* data) {
  FreeList& list = lists_[index];
  list.first = new (data) FreeBlock{list.first};
  poison(data, kSizes[index].bytes);
  ++list.count;
  freeBytes_ += kSizes[index].bytes;
}

}  // namespace oxbow
