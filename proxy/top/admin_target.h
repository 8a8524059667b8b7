#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"

namespace oxbow::top {

// The admin address of an oxbow, as somebody who asks it has it.
struct AdminTarget {
  std::string text;                      // as it was written
  std::string authority;                 // for Host
  std::vector<SocketAddress> addresses;  // to be tried in turn; at least one

  // "127.0.0.1:9901", "localhost:9901", "[::1]:9901" or "unix:/path". Waits for the system's
  // resolver when it is a name.
  static Result<AdminTarget> parse(const std::string& text);

  // A whole GET for `path`; without a token when that is empty.
  std::string requestFor(std::string_view path, const std::string& token) const;
};

// Reads a token: the first line of the file, without white space around it. Returns what is wrong;
// empty when nothing is.
std::string readToken(const std::string& file, std::string& token);

}  // namespace oxbow::top
