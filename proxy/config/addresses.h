#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/config/block_reader.h"

// The addresses of a configuration: what they look like, and whether they can stand together.

namespace oxbow::config {

// The key `listen` of a listener or of admin.
void readListenAddress(BlockReader& in, Located<std::string>& text, SocketAddress& address);

// "127.0.0.1:5353" or "127.0.0.1" (then port 53); nullopt when it is neither.
std::optional<SocketAddress> parseNameServer(const std::string& text);

// The one form of all ways to write a server, fit to be parsed again: "api.internal:8080" of
// "API.internal:8080".
std::string canonicalServer(const HostPort& server);

// What the parsers of proxy/base/address.h complain of, fit for one line.
std::string addressError(const std::string& error);

// Would binding one make binding the other fail?
bool collide(const SocketAddress& a, const SocketAddress& b);

}  // namespace oxbow::config
