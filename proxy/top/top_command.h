#pragma once

#include <cstdio>
#include <string>

#include "proxy/base/clock.h"

namespace oxbow::top {

struct TopOptions {
  std::string admin = "127.0.0.1:9901";
  Duration interval = std::chrono::seconds(2);
  bool once = false;      // print one frame as plain text
  std::string tokenFile;  // empty: no token
};

// `oxbow top`: shows what the admin address tells, again and again, until `q` or a signal. 0 then;
// 1 when there is no terminal, or with `once` no answer; 2 when the address is none.
int topCommand(const TopOptions& options, std::FILE* result, std::FILE* problems);

}  // namespace oxbow::top
