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

inline std::string upstreamTlsFile(const std::string& line) {
  // A certificate and its key need each other, and a password needs both.
  const bool needsBoth = begins(line, "password_file");
  const bool needsCertificate = needsBoth || begins(line, "certificate_key");
  const bool needsKey = needsBoth || begins(line, "certificate");
  return upstreamFile("tls: " + flow({line, needsCertificate ? "certificate: a.pem" : "",
                                      needsKey ? "certificate_key: a.key" : ""}));
}

inline std::string serverFile(const std::string& line) {
  const std::string plain =
      begins(line, "service") ? "server: api.internal" : "server: 127.0.0.1:9000";
  const std::string server = unless(begins(line, "server"), plain);
  return upstreamFile("servers: [ " + flow({server, line}) + " ]");
}

inline std::string listenerFile(const std::string& line) {
  const bool hasRoutes =
      begins(line, "routes") || (begins(line, "https_redirect") && line != "https_redirect: off");
  return "upstreams: { api: { servers: [ 127.0.0.1:9000 ] } }\nlisteners: [ " +
         flow({unless(begins(line, "listen"), "listen: 127.0.0.1:0"), line,
               unless(hasRoutes, "routes: [ { proxy_pass: api } ]")}) +
         " ]\n";
}

inline std::string listenerTlsFile(const std::string& line) {
  const std::string one = "certificates: [ { cert: a.pem, key: a.key } ]";
  return listenerFile("tls: " + flow({unless(begins(line, "certificates"), one), line}));
}

inline std::string certificateFile(const std::string& line) {
  return listenerTlsFile("certificates: [ " +
                         flow({unless(begins(line, "cert"), "cert: a.pem"),
                               unless(begins(line, "key"), "key: a.key"), line}) +
                         " ]");
}

inline std::string clientCertificatesFile(const std::string& line) {
  return listenerTlsFile("client_certificates: " +
                         flow({unless(begins(line, "verify"), "verify: require"),
                               unless(begins(line, "ca"), "ca: a.pem"), line}));
}

inline std::string hstsFile(const std::string& line) {
  return listenerTlsFile("hsts: " + flow({unless(begins(line, "max_age"), "max_age: 365d"), line,
                                          line == "preload: on" ? "include_subdomains: on" : ""}));
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

inline std::string adminFile(const std::string& line) {
  // What else is allowed from afar needs the leave to come from there, and that needs a token.
  const bool needsLeave = begins(line, "allowed_hosts");
  const bool needsToken = needsLeave || line == "allow_remote: on";
  return withTop("admin: " + flow({unless(begins(line, "listen"), "listen: 127.0.0.1:9901"), line,
                                   needsLeave ? "allow_remote: on" : "",
                                   needsToken ? "token_file: token" : ""}));
}

// A file in which `line` is one more key of the block. Empty: a file without it.
inline std::string fileWith(const Block& block, const std::string& line) {
  if (&block == &schema::top()) return begins(line, "listeners") ? line + "\n" : withTop(line);
  if (&block == &schema::admin()) return adminFile(line);
  if (&block == &schema::resolver()) return withTop("resolver: " + flow({line}));
  if (&block == &schema::upstream() || &block == &schema::socket()) return upstreamFile(line);
  if (&block == &schema::soKeepalive()) return upstreamFile("so_keepalive: " + flow({line}));
  if (&block == &schema::upstreamTls()) return upstreamTlsFile(line);
  if (&block == &schema::listenerTls()) return listenerTlsFile(line);
  if (&block == &schema::certificate()) return certificateFile(line);
  if (&block == &schema::clientCertificates()) return clientCertificatesFile(line);
  if (&block == &schema::hsts()) return hstsFile(line);
  if (&block == &schema::resolve()) return upstreamFile("resolve: " + flow({line}));
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
