#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/config/block_reader.h"

// The addresses of a configuration: what they look like, and whether they can stand together.

namespace oxbow::config {

// The key `listen` of a listener or of admin; `anyHost` is the address that is meant by ":8080".
void readListenAddress(BlockReader& in, std::string_view anyHost, Located<std::string>& text,
                       SocketAddress& address);

// "127.0.0.1:5353" or "127.0.0.1" (then port 53); nullopt when it is neither.
std::optional<SocketAddress> parseNameServer(const std::string& text);

// The one form of all ways to write a server, fit to be parsed again: "api.internal:8080" of
// "API.internal:8080".
std::string canonicalServer(const HostPort& server);

// Whether a machine can have it: not 0.0.0.0 or [::], no multicast, no broadcast.
bool isOfOneMachine(const SocketAddress& address);

// AF_INET, AF_INET6 or AF_UNIX; unknown when the server is a name.
std::optional<int> familyOf(const std::string& server);

// What the parsers of proxy/base/address.h complain of, fit for one line.
std::string addressError(const std::string& error);

// Would binding one make binding the other fail?
bool collide(const SocketAddress& a, const SocketAddress& b);

}  // namespace oxbow::config
