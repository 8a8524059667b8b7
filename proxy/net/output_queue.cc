#include "proxy/net/output_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace oxbow::net {

namespace {
constexpr int kMaxParts = 16;
constexpr size_t kBlock = 16 << 10;
}  // namespace

void OutputQueue::append(BlockPool& blocks, std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunks_.empty() || chunks_.back().end == chunks_.back().block.capacity())
      chunks_.push_back({blocks.take(std::min(bytes.size(), kBlock)), 0, 0});
    Chunk& last = chunks_.back();
    const size_t n = std::min(bytes.size(), last.block.capacity() - last.end);
    std::memcpy(last.block.data() + last.end, bytes.data(), n);
    last.end += n;
    size_ += n;
    bytes.remove_prefix(n);
  }
}

void OutputQueue::adopt(Block block, size_t begin, size_t end) {
  size_ += end - begin;
  chunks_.push_back({std::move(block), begin, end});
}

OutputQueue::Flush OutputQueue::flush(Transport& transport, size_t& written) {
  while (size_ > 0) {
    iovec parts[kMaxParts];
    int count = 0;
    for (size_t i = first_; i < chunks_.size() && count < kMaxParts; ++i) {
      Chunk& chunk = chunks_[i];
      parts[count++] = {chunk.block.data() + chunk.begin, chunk.end - chunk.begin};
    }
    const IoResult result = transport.writev(parts, count);
    if (result.kind == IoResult::Kind::WouldBlock) return Flush::Blocked;
    if (result.kind != IoResult::Kind::Ok) return Flush::Failed;
    written += result.bytes;
    drop(result.bytes);
  }
  return Flush::Done;
}

void OutputQueue::drop(size_t bytes) {
  size_ -= bytes;
  while (bytes > 0) {
    Chunk& chunk = chunks_[first_];
    const size_t n = std::min(bytes, chunk.end - chunk.begin);
    chunk.begin += n;
    bytes -= n;
    if (chunk.begin < chunk.end) break;
    chunk.block = Block();
    ++first_;
  }
  if (size_ == 0) {
    clear();
  } else if (first_ >= 64) {
    // What a slow reader has taken must not pile up as empty slots.
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutputQueue::clear() {
  std::vector<Chunk>().swap(chunks_);
  first_ = 0;
  size_ = 0;
}

}  // namespace oxbow::net
