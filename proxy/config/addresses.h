#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/config/block_reader.h"
#include "proxy/config/config.h"

// The addresses of a configuration: what they look like, and whether they can stand together.

namespace oxbow::config {

// The key `listen` of a listener or of admin; `anyHost` is the address that is meant by ":8080".
void readListenAddress(BlockReader& in, std::string_view anyHost, Located<std::string>& text,
                       SocketAddress& address);

// "127.0.0.1:5353" or "127.0.0.1" (then port 53); nullopt when it is neither.
std::optional<SocketAddress> parseNameServer(const std::string& text);

// The name of the SRV records (RFC 2782) that name the hosts and ports of a server, with a last dot
// if it was written with one: "_http._tcp.api.internal". Empty when the server has a port, or is a
// socket.
std::string serviceName(const Server& server);

// What stands in front of the host in the above: "_http._tcp".
std::string servicePrefix(const Server& server);

// Whom a certificate must be for, and messages are about: the host or IP address alone, without
// brackets and last dot; "api.internal" of "_http._tcp.api.internal" too. Empty: a Unix socket. Not
// to be looked up: a last dot makes a difference there.
std::string hostOf(const Server& server);

// The one form of all ways to write a server: "api.internal:8080" of "API.internal:8080",
// serviceName() of SRV records.
std::string canonicalServer(const Server& server);

// Is it a host name, with or without a last dot? Not a port, not an IP address.
bool isHostAlone(const std::string& text);

// Whether a machine can have it: not 0.0.0.0 or [::], no multicast, no broadcast.
bool isOfOneMachine(const SocketAddress& address);

// AF_INET, AF_INET6 or AF_UNIX; unknown when the server is a name, of a host or of SRV records: it
// may have addresses of both families.
std::optional<int> familyOf(const std::string& server);

// What the parsers of proxy/base/address.h complain of, fit for one line.
std::string addressError(const std::string& error);

// Would binding one make binding the other fail?
bool collide(const SocketAddress& a, const SocketAddress& b);

}  // namespace oxbow::config
