#include "proxy/session/output_batch.h"

#include <algorithm>
#include <cstring>

namespace oxbow::session {

void OutputBatch::commit(const char* end) {
  char* begin = scratch_ + used_;
  const auto size = static_cast<size_t>(end - begin);
  used_ += size;
  bytes_ += size;
  if (open_) {
    vector_[parts_ - 1].iov_len += size;
  } else {
    vector_[parts_++] = {begin, size};
    open_ = true;
  }
}

void OutputBatch::copy(std::string_view bytes) {
  char* to = reserve();
  std::memcpy(to, bytes.data(), bytes.size());
  commit(to + bytes.size());
}

void OutputBatch::refer(std::string_view bytes) {
  vector_[parts_++] = {const_cast<char*>(bytes.data()), bytes.size()};
  bytes_ += bytes.size();
  open_ = false;
}

bool OutputBatch::flush(net::Transport& transport, net::OutputQueue& rest, BlockPool& blocks,
                        size_t& written) {
  written = 0;
  if (bytes_ == 0) return true;
  if (rest.empty()) {
    const net::IoResult result =
        parts_ == 1 ? transport.write({static_cast<char*>(vector_[0].iov_base), vector_[0].iov_len})
                    : transport.writev(vector_, parts_);
    if (result.kind == net::IoResult::Kind::Error) {
      clear();
      return false;
    }
    written = result.bytes;
  }
  if (written < bytes_) {
    size_t taken = written;
    for (int i = 0; i < parts_; ++i) {
      std::string_view part(static_cast<const char*>(vector_[i].iov_base), vector_[i].iov_len);
      const size_t skip = std::min(taken, part.size());
      taken -= skip;
      part.remove_prefix(skip);
      rest.append(blocks, part);
    }
  }
  clear();
  return true;
}

void OutputBatch::clear() {
  used_ = 0;
  bytes_ = 0;
  parts_ = 0;
  open_ = false;
}

}  // namespace oxbow::session
