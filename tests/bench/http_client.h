#pragma once

#include <strings.h>

#include <array>
#include <cstring>
#include <string>

#include "tests/bench/loopback.h"

namespace oxbow::bench {

// One keep-alive connection to 127.0.0.1 that asks one thing at a time and blocks for the answer.
// Understands responses with a Content-Length only: every server of the bench sends one.
class HttpClient {
 public:
  HttpClient(uint16_t port, const std::string& path)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        request_("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n") {
    const sockaddr_in address = loopback(port);
    if (fd_.get() < 0) die("socket");
    if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      die("connect");
    setNoDelay(fd_.get());
  }

  // True when a whole response with status 200 came back. After a false the client is used up.
  bool get() {
    const auto size = static_cast<ssize_t>(request_.size());
    if (send(fd_.get(), request_.data(), request_.size(), MSG_NOSIGNAL) != size) return false;
    size_t have = 0;
    const char* end = nullptr;
    while (end == nullptr) {
      if (have + 1 >= buffer_.size()) return false;
      const ssize_t got = recv(fd_.get(), buffer_.data() + have, buffer_.size() - 1 - have, 0);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
      buffer_[have] = '\0';
      end = std::strstr(buffer_.data(), "\r\n\r\n");
    }
    return std::strncmp(buffer_.data(), "HTTP/1.1 200", 12) == 0 &&
           readBody(have - static_cast<size_t>(end + 4 - buffer_.data()));
  }

 private:
  bool readBody(size_t have) {
    const char* field = strcasestr(buffer_.data(), "\r\ncontent-length:");
    if (field == nullptr) return false;
    const size_t length = std::strtoul(field + std::strlen("\r\ncontent-length:"), nullptr, 10);
    while (have < length) {
      const ssize_t got = recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
    }
    return have == length;
  }

  Fd fd_;
  const std::string request_;
  std::array<char, 16 << 10> buffer_{};
};

}  // namespace oxbow::bench
