#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/values.h"

// What a new configuration changes in an old one. Compared is what holds, not what was written: a
// default that is spelled out is no change, nor is a server or a route in another place of its
// list (of routes the longest location wins, wherever it stands).

namespace oxbow::config {

struct Change {
  enum class Kind : uint8_t { Added, Removed, Changed };
  using What = Value::What;

  Kind kind = Kind::Changed;  // Changed exactly when `what` is Key
  What what = What::Key;
  // "upstreams.api.max_conns", "upstreams.api.servers 127.0.0.1:3001 weight",
  // "listeners 127.0.0.1:8080 routes example.com/api/"; one line, names of items cut.
  std::string path;
  std::string before;  // of a key, in full but for secrets, as textOf() has it; of items empty
  std::string after;
  std::string_view effect;  // what becomes of connections and requests; see effects.h
  bool needsRestart = false;
  Place place;  // in the new file; line 0: it does not stand there
};

// Upstreams are the same by name, servers of an upstream by address without regard to case,
// listeners by address, routes of a listener by their hosts and location. What is added or removed
// as a whole is one change. Listeners come first, then upstreams and servers, routes, and keys;
// among those what is removed before what is added, and otherwise as in the new file and the
// schema.
std::vector<Change> diff(const Config& before, const Config& after);

// One line: "~ upstreams.api.max_conns: 50 -> 20 (idle connections beyond it close; ...)", with +
// for added and - for removed. Long values are cut.
std::string format(const Change& change);

// "3 changes: 1 added, 1 removed, 1 changed", with "; 1 needs a restart" if so; or "no changes".
std::string summaryOf(const std::vector<Change>& changes);

}  // namespace oxbow::config
