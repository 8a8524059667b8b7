#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/route/value_template.h"

namespace oxbow::route {

struct FieldEdit {
  std::string name;
  ValueTemplate value;
};

// A route in the form that exchanges use.
struct Route {
  const config::Route* config = nullptr;
  size_t index = 0;                   // among the routes of its listener
  int upstream = -1;                  // index into Config::upstreams; -1 for a fixed answer
  std::vector<FieldEdit> setRequest;  // Host is in hostEdit
  const FieldEdit* hostEdit = nullptr;
  std::vector<FieldEdit> addResponse;
  std::vector<std::string> hideResponse;
  std::vector<FieldEdit> hostEdits;  // holds hostEdit; at most one
  bool edits = false;                // any of these but hideResponse

  bool rewrites() const { return config->rewrite.has_value(); }
  // An upper bound of what setRequest adds to a request, but for the values of the client's TLS.
  size_t editBytes() const;
  size_t tlsBytes(const net::TlsFacts& tls) const;  // what those add
  bool tellsTls() const;                            // whether there are any
};

// Chooses a route by host and longest path prefix, on exactly the bytes of the path. An exact host
// goes before "*.suffix", the longer suffix first, and both before routes without a host.
// Immutable; `config` outlives it.
class RouteTable {
 public:
  RouteTable(const config::Listener& listener, const config::Config& config);

  // `authority` may have a port. Null when nothing matches.
  const Route* match(std::string_view authority, std::string_view path) const;

  // The largest Route::editBytes.
  size_t editBytes() const { return editBytes_; }
  // The largest Route::tlsBytes: what to make room for besides, for requests of that client. 0 at
  // once when no route tells of TLS.
  size_t tlsBytes(const net::TlsFacts& tls) const;

 private:
  struct Entry {
    std::string location;
    const Route* route;
  };
  struct Group {
    std::string host;  // lower case; of a wildcard the suffix with its dot; empty: any
    bool wildcard = false;
    std::vector<Entry> entries;  // the longest location first

    bool matches(std::string_view host) const;
  };

  Group& groupOf(const std::string& pattern);

  std::vector<Route> routes_;
  std::vector<Group> groups_;  // the most specific first
  size_t editBytes_ = 0;
  bool tellsTls_ = false;  // a value that is set has a variable of TLS
};

}  // namespace oxbow::route
