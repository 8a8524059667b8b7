#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/located.h"
#include "proxy/config/problem.h"

namespace oxbow::tls {

using config::Located;
using config::Place;

// Where problems go while a context is made.
struct Complaints {
  std::string path;    // of the block that is read: "listeners[0].tls"
  std::string folder;  // relative files count from here
  std::vector<config::Problem>& errors;
  std::vector<config::Problem>& warnings;
  // Files that are not there are only warned of: they may be where the configuration will run.
  bool isElsewhere = false;

  void error(const Place& place, std::string_view key, std::string message) const;
  void warn(const Place& place, std::string_view key, std::string message) const;
  // "listeners[0].tls" + "certificates[1]"
  Complaints below(std::string_view key) const;
};

}  // namespace oxbow::tls
