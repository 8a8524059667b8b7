#pragma once

#include <vector>

#include "proxy/base/block_pool.h"
#include "proxy/codec/http/field.h"
#include "proxy/route/route_table.h"

namespace oxbow::session {

// The fields that add_header gives to one response, in storage as large as they need.
class AddedFields {
 public:
  // More than kMaxBytes have no place in a message: such a request is refused before anything
  // happens.
  static constexpr size_t kMaxBytes = http::kMaxHeadBytes;
  static size_t bytesOf(const std::vector<route::FieldEdit>& edits,
                        const route::Variables& variables);

  // REQUIRES: bytesOf() of the same is at most kMaxBytes.
  AddedFields(const std::vector<route::FieldEdit>& edits, const route::Variables& variables,
              BlockPool& blocks);

  // Points into this object's storage.
  const http::FieldBlock& block() const { return block_; }

 private:
  Block storage_;
  http::FieldBlock block_;
};

}  // namespace oxbow::session
