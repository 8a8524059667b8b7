#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/address.h"

namespace oxbow::dns {

// The names and addresses of an /etc/hosts (hosts(5)). Immutable once read; thread-safe.
class HostsFile {
 public:
  // Lines that are none of the file's format are passed over. Several lines of one name count
  // together, in their order. Not all of a file beyond the limits below is looked at.
  static HostsFile parse(std::string_view text);
  // Blocks on the disk. Empty when there is no such file, or it cannot be read.
  static HostsFile read(const std::string& path);

  // Of either case, with or without a last dot. Port 0, IPv4 and IPv6 mixed, no duplicates; nullptr
  // when the file does not name it.
  const std::vector<SocketAddress>* find(std::string_view name) const;
  size_t size() const { return addresses_.size(); }  // names

  static constexpr size_t kMaxText = 1 << 20;  // bytes; a line that is cut there does not count
  static constexpr size_t kMaxNames = 65'536;  // repetitions included

 private:
  void add(std::string_view name, const SocketAddress& address);

  std::unordered_map<std::string, std::vector<SocketAddress>>
      addresses_;  // names as keyOf() has it
};

}  // namespace oxbow::dns
