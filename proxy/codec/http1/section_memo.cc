#include "proxy/codec/http1/section_memo.h"

#include <cstring>

namespace oxbow::http1 {

namespace {
constexpr size_t kEmptyLine = 2;
}  // namespace

const char* SectionMemo::recall(http::Input input, const char* section, const HeadLimits& limits,
                                http::Field* storage, http::FieldBlock& block,
                                SectionMeaning& meaning) {
  if (size_ == 0 || input.end - section < size_ || size_ > limits.fieldBytes ||
      count_ > limits.fieldCount || std::memcmp(section, bytes_, size_) != 0)
    return nullptr;
  misses_ = 0;
  std::memcpy(storage, fields_, count_ * sizeof(http::Field));
  block.base = section;
  block.fields = storage;
  block.count = count_;
  block.end = static_cast<uint16_t>(size_ - kEmptyLine);
  block.holes = false;
  block.seen = seen_;
  meaning = meaning_;
  return section + size_;
}

void SectionMemo::remember(const http::FieldBlock& block, const char* end,
                           const SectionMeaning& meaning) {
  const auto size = static_cast<size_t>(end - block.base);
  if (size > kBytes || block.count > kFields) return;
  // Where every head differs from the last one, most are not even copied.
  if (misses_ < kPatience) {
    ++misses_;
    return;
  }
  misses_ = 0;
  std::memcpy(bytes_, block.base, size);
  std::memcpy(fields_, block.fields, block.count * sizeof(http::Field));
  size_ = static_cast<uint16_t>(size);
  count_ = block.count;
  seen_ = block.seen;
  meaning_ = meaning;
}

}  // namespace oxbow::http1
