#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/support/message.h"
#include "tests/integration/support/stream.h"

namespace oxbow::integration {

// A client that sends what it is told to, byte for byte, and tells how its connection ended.
class RawClient {
 public:
  // `buffer` as Stream has it.
  explicit RawClient(const SocketAddress& address, int buffer = 0)
      : stream_(Stream::connectTo(address, buffer)) {}

  bool connected() const { return stream_.isOpen(); }
  Stream& stream() { return stream_; }
  bool send(std::string_view bytes) { return stream_.send(bytes); }

  // The next response, informational ones apart (they go to informational()). An incomplete one has
  // what came of it, and end() tells why no more did.
  Message receive(bool forHead = false);
  const std::vector<Message>& informational() const { return informational_; }
  // Reads until `text` has come, and leaves it to receive(); false when the connection ends first.
  bool awaitText(std::string_view text);

  // What else comes, up to the connection's end.
  std::string readToEnd(milliseconds within = kPatience);
  // How it ended: Read::Bytes while it has not, Read::Late when a deadline passed.
  Read end() const { return end_; }
  // Whether nothing comes for `time`: neither bytes nor the end.
  bool isQuietFor(milliseconds time);

  // Sends a request and receives its response.
  Message ask(std::string_view request, bool forHead = false) {
    send(request);
    return receive(forHead);
  }

 private:
  bool readMore(milliseconds within);

  Stream stream_;
  std::string bytes_;  // received and not yet looked at
  std::vector<Message> informational_;
  Read end_ = Read::Bytes;
};

}  // namespace oxbow::integration
