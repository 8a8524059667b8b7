#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <string_view>

#include "proxy/base/block_pool.h"
#include "proxy/net/output_queue.h"
#include "proxy/net/transport.h"

namespace oxbow::session {

// What one callback produces for one client: small pieces copied behind one another into the
// worker's scratch, large ones referred to, all of it written at the end in one system call. One
// per worker; empty between callbacks.
class OutputBatch {
 public:
  static constexpr size_t kSmall = 4096;  // up to this a copy is cheaper than another iovec

  OutputBatch(char* scratch, size_t capacity) : scratch_(scratch), capacity_(capacity) {}

  bool empty() const { return bytes_ == 0; }
  // Whether `bytes` can be reserved or copied.
  bool fits(size_t bytes) const { return used_ + bytes <= capacity_ && parts_ < kParts; }
  bool hasPart() const { return parts_ + 1 < kParts; }

  // Room for `bytes` to be written in place. REQUIRES: fits(bytes); followed by commit().
  char* reserve() { return scratch_ + used_; }
  void commit(const char* end);
  void copy(std::string_view bytes);
  // REQUIRES: hasPart(); the bytes stay until flush().
  void refer(std::string_view bytes);

  // Writes everything, and what the socket does not take goes to `rest`; when something is there
  // already, everything goes behind it. `written` is what the socket took. False when it is broken.
  // Empty afterwards.
  bool flush(net::Transport& transport, net::OutputQueue& rest, BlockPool& blocks, size_t& written);
  void clear();

 private:
  static constexpr int kParts = 64;

  char* const scratch_;
  const size_t capacity_;
  size_t used_ = 0;
  size_t bytes_ = 0;
  int parts_ = 0;
  bool open_ = false;  // the last part ends at scratch_ + used_
  iovec vector_[kParts];
};

}  // namespace oxbow::session
