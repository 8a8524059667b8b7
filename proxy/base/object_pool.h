#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace oxbow {

// Objects of one type from a bounded free list, so that a warm worker does not allocate. Not
// thread-safe; must outlive its objects.
template <typename T>
class ObjectPool {
 public:
  explicit ObjectPool(size_t keep = 4096) : keep_(keep) {}
  ~ObjectPool() {
    while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next));
  }
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  template <typename... Args>
  T* make(Args&&... args) {
    void* memory = take();
    ++live_;
    // Not T(): that would clear the whole object ahead of its own initializers.
    if constexpr (sizeof...(Args) == 0)
      return new (memory) T;
    else
      return new (memory) T(std::forward<Args>(args)...);
  }

  void destroy(T* object) {
    static_assert(sizeof(T) >= sizeof(Slot));
    object->~T();
    --live_;
    if (count_ >= keep_) return ::operator delete(static_cast<void*>(object));
    auto* slot = new (static_cast<void*>(object)) Slot{free_};
    free_ = slot;
    ++count_;
  }

  size_t live() const { return live_; }
  size_t bytes() const { return (live_ + count_) * sizeof(T); }  // the free list included

 private:
  struct Slot {
    Slot* next;
  };

  void* take() {
    if (free_ == nullptr) return ::operator new(sizeof(T));
    --count_;
    return std::exchange(free_, free_->next);
  }

  const size_t keep_;
  Slot* free_ = nullptr;
  size_t count_ = 0;
  size_t live_ = 0;
};

}  // namespace oxbow
