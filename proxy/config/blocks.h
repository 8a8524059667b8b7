#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/config/block_reader.h"
#include "proxy/config/config.h"

// One function for each kind of block. They read the node into the struct, and check what concerns
// that block and what stands in it.

namespace oxbow::config {

// The names that proxy_pass may use.
class UpstreamNames {
 public:
  void add(std::string_view name) {
    if (known_.insert(name).second) inOrder_.push_back(name);
  }
  bool has(std::string_view name) const { return known_.count(name) > 0; }
  const std::vector<std::string_view>& inOrder() const { return inOrder_; }  // of the file

 private:
  std::unordered_set<std::string_view> known_;
  std::vector<std::string_view> inOrder_;
};

Upstream readUpstream(const Node& node, const std::string& path, std::vector<Problem>& problems);
// The key `servers`.
void readServers(BlockReader& in, Upstream& out);

Listener readListener(const Node& node, const std::string& path, const UpstreamNames& upstreams,
                      std::vector<Problem>& problems);
Route readRoute(const Node& node, const std::string& path, const UpstreamNames& upstreams,
                std::vector<Problem>& problems);

// The key `access_log` of a listener or a route.
void readAccessLog(BlockReader& in, AccessLog& out);

// The keys that upstreams and listeners share.
void readSocketOptions(BlockReader& in, SocketOptions& out);

// The key `tls`. REQUIRES: the servers of `out` have been read.
void readUpstreamTls(BlockReader& in, Upstream& out);
void readListenerTls(BlockReader& in, ListenerTls& out);

// What both kinds of `tls` have. `node` is the mapping that `in` reads.
void readTlsParameters(const Node& node, BlockReader& in, TlsParameters& out);
// A path. Nothing is opened.
void readFileName(BlockReader& in, std::string_view name, Located<std::string>& out);
void readFileNames(const Node& node, BlockReader& in, std::string_view name,
                   std::vector<Located<std::string>>& out);

// A problem unless the value is of whole seconds.
void checkWholeSeconds(BlockReader& in, std::string_view name, const Located<Duration>& value);

// The whole file; REQUIRES: a mapping.
Config readTop(const Node& root, std::vector<Problem>& problems);

}  // namespace oxbow::config
