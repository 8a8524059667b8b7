#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/base/block_pool.h"
#include "proxy/net/transport.h"

namespace oxbow::net {

// Bytes that a socket did not take, kept in pooled blocks until it does. Costs nothing while empty.
class OutputQueue {
 public:
  void append(BlockPool& blocks, std::string_view bytes);
  // The bytes from `begin` to `end` of that block, without copying them.
  void adopt(Block block, size_t begin, size_t end);

  enum class Flush : uint8_t { Done, Blocked, Failed };
  // Writes until everything is out or the socket is full. `written` grows by what went out.
  Flush flush(Transport& transport, size_t& written);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

 private:
  struct Chunk {
    Block block;
    size_t begin = 0;
    size_t end = 0;
  };

  void drop(size_t bytes);

  std::vector<Chunk> chunks_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace oxbow::net
