#pragma once

#include <string>
#include <utility>
#include <variant>

#include "proxy/base/assert.h"

namespace oxbow {

// Either a value or an error. The two types must differ.
template <typename T, typename E = std::string>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() {
    ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    ASSERT(ok());
    return *std::get_if<0>(&state_);
  }

  // REQUIRES: !ok()
  const E& error() const {
    ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, E> state_;
};

}  // namespace oxbow
