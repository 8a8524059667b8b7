#include "proxy/session/added_fields.h"

#include "proxy/base/assert.h"
#include "proxy/codec/http/field_writer.h"

namespace oxbow::session {

namespace {
constexpr size_t kColonAndEnd = 4;  // ": " and CRLF
}  // namespace

size_t AddedFields::bytesOf(const std::vector<route::FieldEdit>& edits,
                            const route::Variables& variables) {
  size_t sum = 0;
  for (const route::FieldEdit& edit : edits)
    sum += edit.name.size() + edit.value.size(variables) + kColonAndEnd;
  return sum;
}

AddedFields::AddedFields(const std::vector<route::FieldEdit>& edits,
                         const route::Variables& variables, BlockPool& blocks) {
  if (edits.empty()) return;
  const size_t bytes = bytesOf(edits, variables);
  ASSERT(bytes <= kMaxBytes);
  const size_t descriptors = edits.size() * sizeof(http::Field);
  storage_ = blocks.take(descriptors + 2 * bytes);
  char* const lines = storage_.data() + descriptors;
  char* const value = lines + bytes;  // of one line at a time
  http::FieldWriter writer(lines, bytes, reinterpret_cast<http::Field*>(storage_.data()),
                           edits.size());
  for (const route::FieldEdit& edit : edits) {
    const char* end = edit.value.write(value, variables);
    if (end == value && !edit.value.isLiteral()) continue;
    // Clean: the configuration was checked, and variables are parts of what was parsed.
    const bool added = writer.add(edit.name, {value, static_cast<size_t>(end - value)});
    ASSERT(added);
  }
  block_ = writer.block();
}

}  // namespace oxbow::session
