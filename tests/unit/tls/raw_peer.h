#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/tls/handle.h"
#include "tests/support/test_ca.h"

namespace oxbow::test {

// Two connected, non-blocking sockets with small buffers.
struct SocketPair {
  SocketPair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) abort();
    for (const int fd : fds) {
      const int size = 8 << 10;
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
  }
  int ours() { return fds[0]; }
  int theirs() { return fds[1]; }
  int fds[2];
};

// A TLS server as any other, on OpenSSL alone.
class RawServer {
 public:
  explicit RawServer(const Leaf& leaf, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate_chain_file(context_.get(), leaf.certFile.c_str());
    SSL_CTX_use_PrivateKey(context_.get(), leaf.key.get());
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_session_id_context(context_.get(), reinterpret_cast<const unsigned char*>("t"), 1);
  }
  SSL_CTX& context() { return *context_; }

 private:
  tls::ContextPtr context_;
};

// One connection of it. Closes the descriptor.
class RawConn {
 public:
  RawConn(RawServer& server, int fd) : ssl_(SSL_new(&server.context())), fd_(fd) {
    SSL_set_fd(ssl_.get(), fd);
    SSL_set_accept_state(ssl_.get());
  }
  ~RawConn() { end(); }
  bool handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  bool write(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  // What has come.
  std::string read() {
    std::string all;
    char buffer[16 << 10];
    for (int n; (n = SSL_read(ssl_.get(), buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    return all;
  }
  bool sawCloseNotify() { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void sayClose() { SSL_shutdown(ssl_.get()); }
  void end() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  SSL& ssl() { return *ssl_; }
  int fd() const { return fd_; }

 private:
  tls::SslPtr ssl_;
  int fd_;
};

}  // namespace oxbow::test
