#include "tests/integration/support/raw_client.h"

#include <utility>

namespace oxbow::integration {

bool RawClient::readMore(milliseconds within) {
  if (end_ != Read::Bytes) return false;
  const Read read = stream_.receive(bytes_, within);
  if (read != Read::Bytes) end_ = read;
  return read == Read::Bytes;
}

Message RawClient::receive(bool forHead) {
  size_t taken = 0;
  for (;;) {
    auto message = readMessage(bytes_, false, forHead, taken, Want::Whole);
    if (message) {
      bytes_.erase(0, taken);
      if (message->status() >= 200) return std::move(*message);
      informational_.push_back(std::move(*message));
    } else if (!readMore(kPatience)) {
      break;
    }
  }
  auto message = readMessage(bytes_, false, forHead, taken, Want::WhatThereIs);
  if (!message) return {};
  if (message->untilClose && end_ == Read::Fin) message->complete = true;
  bytes_.clear();
  return std::move(*message);
}

bool RawClient::awaitText(std::string_view text) {
  while (bytes_.find(text) == std::string::npos)
    if (!readMore(kPatience)) return false;
  return true;
}

std::string RawClient::readToEnd(milliseconds within) {
  while (readMore(within)) {
  }
  return std::exchange(bytes_, {});
}

bool RawClient::isQuietFor(milliseconds time) {
  std::string more;
  const bool quiet = end_ == Read::Bytes && stream_.receive(more, time) == Read::Late;
  bytes_ += more;
  return quiet && bytes_.empty();
}

}  // namespace oxbow::integration
