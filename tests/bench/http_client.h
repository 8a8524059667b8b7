#pragma once

#include <array>
#include <optional>
#include <string>

#include "tests/bench/loopback.h"
#include "tests/bench/response.h"
#include "tests/bench/stream.h"

namespace oxbow::bench {

// One keep-alive connection to 127.0.0.1 that asks one thing at a time and blocks for the answer.
// With a ClientTls, which outlives it, the connection is TLS.
class HttpClient {
 public:
  HttpClient(uint16_t port, const std::string& path, const ClientTls* tls = nullptr)
      : stream_(connected(port), tls),
        request_("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n") {}

  // True when a whole response with status 200 came back. After a false the client is used up.
  bool get() {
    const auto size = static_cast<ssize_t>(request_.size());
    if (stream_.send(request_.data(), request_.size()) != size) return false;
    size_t have = 0;
    std::optional<ResponseHead> head;
    while (!head) {
      if (have + 1 >= buffer_.size()) return false;
      const ssize_t got = stream_.receive(buffer_.data() + have, buffer_.size() - 1 - have);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
      buffer_[have] = '\0';
      head = headOf(buffer_.data());
    }
    return head->ok && readBody(have - head->size, head->bodySize);
  }

 private:
  static Fd connected(uint16_t port) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    if (fd.get() < 0) die("socket");
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("connect");
    setNoDelay(fd.get());
    return fd;
  }

  bool readBody(size_t have, size_t length) {
    while (have < length) {
      const ssize_t got = stream_.receive(buffer_.data(), buffer_.size());
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
    }
    return have == length;
  }

  Stream stream_;
  const std::string request_;
  std::array<char, 16 << 10> buffer_{};
};

}  // namespace oxbow::bench
