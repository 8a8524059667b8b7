#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/schema.h"
#include "tests/unit/config/support.h"

// For each key of the schema a file that has it, so that tests can go through all keys.

namespace oxbow::config {

using schema::Block;
using schema::Key;

inline bool begins(const std::string& line, std::string_view key) {
  return line.rfind(std::string(key) + ":", 0) == 0;
}

// "{ a: 1, b: 2 }" of what is not empty.
inline std::string flow(const std::vector<std::string>& entries) {
  std::string all;
  for (const std::string& entry : entries)
    if (!entry.empty()) all += (all.empty() ? "" : ", ") + entry;
  return "{ " + all + " }";
}

inline std::string unless(bool condition, const std::string& text) { return condition ? "" : text; }

inline std::string upstreamFile(const std::string& line) {
  const std::string servers = unless(begins(line, "servers"), "servers: [ 127.0.0.1:9000 ]");
  return withTop("upstreams: { api: " + flow({servers, line}) + " }");
}

inline std::string serverFile(const std::string& line) {
  const std::string server = unless(begins(line, "server"), "server: 127.0.0.1:9000");
  return upstreamFile("servers: [ " + flow({server, line}) + " ]");
}

inline std::string listenerFile(const std::string& line) {
  return "upstreams: { api: { servers: [ 127.0.0.1:9000 ] } }\nlisteners: [ " +
         flow({unless(begins(line, "listen"), "listen: 127.0.0.1:0"), line,
               unless(begins(line, "routes"), "routes: [ { proxy_pass: api } ]")}) +
         " ]\n";
}

inline std::string routeFile(const std::string& line) {
  const bool isTarget = begins(line, "return") || begins(line, "proxy_pass");
  return listenerFile("routes: [ " + flow({unless(isTarget, "proxy_pass: api"), line}) + " ]");
}

inline std::string returnFile(const std::string& line) {
  // 201 may have all the other keys; the example of status is a redirect.
  const bool isStatus = begins(line, "status");
  return routeFile("return: " + flow({isStatus ? "location: /x" : "status: 201", line}));
}

// A file in which `line` is one more key of the block. Empty: a file without it.
inline std::string fileWith(const Block& block, const std::string& line) {
  if (&block == &schema::top()) return begins(line, "listeners") ? line + "\n" : withTop(line);
  if (&block == &schema::admin()) return withTop("admin: " + flow({line}));
  if (&block == &schema::resolver()) return withTop("resolver: " + flow({line}));
  if (&block == &schema::upstream() || &block == &schema::socket()) return upstreamFile(line);
  if (&block == &schema::soKeepalive()) return upstreamFile("so_keepalive: " + flow({line}));
  if (&block == &schema::queue()) return upstreamFile("queue: " + flow({line}));
  if (&block == &schema::server()) return serverFile(line);
  if (&block == &schema::listener()) return listenerFile(line);
  if (&block == &schema::accessLog()) return listenerFile("access_log: " + flow({line}));
  if (&block == &schema::route()) return routeFile(line);
  REQUIRE(&block == &schema::fixedReturn());
  return returnFile(line);
}

inline std::string lineOf(const Key& key, std::string_view value) {
  return std::string(key.name) + ": " + std::string(value);
}

// Keys of which there is one value only, in this version.
inline bool hasOneValue(const Key& key) { return key.choices.size() == 1; }

}  // namespace oxbow::config
