#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/block_reader.h"
#include "proxy/config/config.h"

// One function for each kind of block. They read the node into the struct, and check what concerns
// that block and what stands in it.

namespace oxbow::config {

Upstream readUpstream(const Node& node, const std::string& path, std::vector<Problem>& problems);

// `upstreams`: the names that proxy_pass may use.
Listener readListener(const Node& node, const std::string& path,
                      const std::vector<std::string_view>& upstreams,
                      std::vector<Problem>& problems);
Route readRoute(const Node& node, const std::string& path,
                const std::vector<std::string_view>& upstreams, std::vector<Problem>& problems);

// The keys that upstreams and listeners share.
void readSocketOptions(BlockReader& in, SocketOptions& out);

// The whole file; REQUIRES: a mapping.
Config readTop(const Node& root, std::vector<Problem>& problems);

}  // namespace oxbow::config
