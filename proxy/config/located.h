#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace oxbow::config {

// Where in the file something stands; line and column count from 1, 0 means "a default".
struct Place {
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Place&) const = default;
};

// A value that remembers where it was written. Two are equal when their values are.
template <typename T>
struct Located {
  T value{};
  Place place;

  Located() = default;
  Located(T v) : value(std::move(v)) {}
  Located(T v, Place p) : value(std::move(v)), place(p) {}

  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
  bool isDefault() const { return place.line == 0; }
  bool operator==(const Located& other) const { return value == other.value; }
};

}  // namespace oxbow::config
