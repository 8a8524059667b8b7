#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "proxy/config/loader.h"

// Fixtures of the configuration's tests: files in a few words, and what is wrong with them.

namespace oxbow::config {

// All problems, a line each, without the file's name: "4:16: upstreams.api.keepalive: ...".
inline std::string errorsOf(std::string_view text) {
  std::string out;
  for (const Problem& problem : loadText(text, "f").problems)
    out += format(problem, "f").substr(2) + "\n";
  return out;
}

// A file that is right, with `lines` from line 4 on in the upstream "api".
inline std::string withUpstream(const std::string& lines) {
  return "upstreams:\n"
         "  api:\n"
         "    servers: [ 127.0.0.1:9000 ]\n" +
         lines +
         "\nlisteners:\n"
         "  - listen: 127.0.0.1:0\n"
         "    routes: [ { proxy_pass: api } ]\n";
}

// The same, with `lines` from line 4 on in the only listener.
inline std::string withListener(const std::string& lines) {
  return "upstreams: { api: { servers: [ 127.0.0.1:9000 ] } }\n"
         "listeners:\n"
         "  - listen: 127.0.0.1:0\n" +
         lines + "\n    routes: [ { proxy_pass: api } ]\n";
}

// The same, with `lines` from line 5 on as routes.
inline std::string withRoutes(const std::string& lines) {
  return "upstreams: { api: { servers: [ 127.0.0.1:9000 ] } }\n"
         "listeners:\n"
         "  - listen: 127.0.0.1:0\n"
         "    routes:\n" +
         lines + "\n";
}

// The same, with `lines` from line 1 on at the top.
inline std::string withTop(const std::string& lines) {
  return lines +
         "\nlisteners:\n"
         "  - listen: 127.0.0.1:0\n"
         "    routes: [ { return: 404 } ]\n";
}

// REQUIRES a file without problems; says which there are otherwise.
inline Config loaded(std::string_view text) {
  LoadResult result = loadText(text, "f");
  for (const Problem& problem : result.problems) FAIL_CHECK(format(problem, "f"));
  REQUIRE(result.config.has_value());
  return *result.config;
}

}  // namespace oxbow::config
