#pragma once

#include <cstddef>

#include "proxy/base/assert.h"

namespace oxbow {

// A member of an object that makes it listable; Tag tells several memberships apart. An object
// that is destroyed while listed leaves its list by itself. Not thread-safe.
template <typename Tag = void>
class ListHook {
 public:
  ListHook() = default;
  ~ListHook() { unlink(); }
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;

  bool linked() const { return next_ != nullptr; }

  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
    if (size_ != nullptr) --*size_;
    size_ = nullptr;
  }

 private:
  template <typename T, typename U>
  friend class IntrusiveList;

  ListHook* prev_ = nullptr;
  ListHook* next_ = nullptr;
  size_t* size_ = nullptr;  // of the list that holds this
};

// A doubly linked list through a base class ListHook<Tag> of T. Owns nothing; knows its size.
template <typename T, typename Tag = void>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  ~IntrusiveList() {
    while (!empty()) popFront();
    head_.prev_ = head_.next_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next_ == &head_; }
  size_t size() const { return size_; }

  T* front() { return empty() ? nullptr : object(head_.next_); }
  T* back() { return empty() ? nullptr : object(head_.prev_); }

  // The element behind `element`, or null at the end.
  T* next(T& element) {
    Hook* hook = static_cast<Hook&>(element).next_;
    return hook == &head_ ? nullptr : object(hook);
  }
  T* prev(T& element) {
    Hook* hook = static_cast<Hook&>(element).prev_;
    return hook == &head_ ? nullptr : object(hook);
  }

  // REQUIRES: the element is in no list of this Tag.
  void pushFront(T& element) { link(element, &head_, head_.next_); }
  void pushBack(T& element) { link(element, head_.prev_, &head_); }

  // REQUIRES: the element is in this list.
  void remove(T& element) {
    Hook& hook = element;
    ASSERT(hook.size_ == &size_);
    hook.unlink();
  }

  T* popFront() {
    T* element = front();
    if (element != nullptr) static_cast<Hook&>(*element).unlink();
    return element;
  }

 private:
  static T* object(Hook* hook) { return static_cast<T*>(hook); }

  void link(T& element, Hook* prev, Hook* next) {
    Hook& hook = element;
    ASSERT(!hook.linked());
    hook.prev_ = prev;
    hook.next_ = next;
    hook.size_ = &size_;
    prev->next_ = &hook;
    next->prev_ = &hook;
    ++size_;
  }

  Hook head_;
  size_t size_ = 0;
};

}  // namespace oxbow
