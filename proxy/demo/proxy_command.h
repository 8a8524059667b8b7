#pragma once

#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace oxbow::demo {

// An address as `servers:` reads it.
struct ServerText {
  std::string text;
  bool tls = false;
};

// The server that `--to` means: http://HOST[:PORT], https://HOST[:PORT], HOST:PORT or unix:/path.
Result<ServerText> parseTarget(std::string_view to);

// The configuration of a proxy from one address to one server, as YAML. Any text may be given: the
// loader says what it is worth. `insecure`: any certificate will do.
std::string proxyConfig(std::string_view from, const ServerText& to, bool insecure = false);

// `oxbow proxy`: that proxy, until a signal ends it. Returns the exit status: 0, 1 when it cannot
// start, 2 when it was called wrongly.
int proxyCommand(const std::string& from, const std::string& to, bool insecure);

}  // namespace oxbow::demo
