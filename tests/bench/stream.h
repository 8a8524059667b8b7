#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "tests/bench/loopback.h"

namespace oxbow::bench {

[[noreturn]] inline void dieOfTls(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, ERR_reason_error_string(ERR_get_error()));
  std::exit(1);
}

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;

// How clients of the bench speak TLS: they trust the CAs of one file only, and resume no session.
class ClientTls {
 public:
  explicit ClientTls(const char* caFile) : context_(SSL_CTX_new(TLS_client_method())) {
    if (context_ == nullptr) dieOfTls("SSL_CTX_new");
    if (SSL_CTX_load_verify_file(context_.get(), caFile) != 1) dieOfTls(caFile);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  }

  // A client's end over `fd`, which it does not own; the handshake comes with the first bytes.
  SslPtr over(int fd) const {
    SslPtr ssl(SSL_new(context_.get()));
    if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1 ||
        SSL_set_tlsext_host_name(ssl.get(), kName) != 1 || SSL_set1_host(ssl.get(), kName) != 1)
      dieOfTls("SSL_new");
    SSL_set_connect_state(ssl.get());
    return ssl;
  }

 private:
  static constexpr const char* kName = "localhost";
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
};

// A socket, with TLS over it when there is a ClientTls. Calls return what send(2) and recv(2)
// return, EAGAIN included when the socket does not block.
class Stream {
 public:
  Stream(Fd fd, const ClientTls* tls)
      : fd_(std::move(fd)), ssl_(tls == nullptr ? nullptr : tls->over(fd_.get())) {}

  ssize_t send(const char* bytes, size_t size) {
    if (ssl_ == nullptr) return ::send(fd_.get(), bytes, size, MSG_NOSIGNAL);
    return resultOf(SSL_write(ssl_.get(), bytes, static_cast<int>(size)));
  }

  ssize_t receive(char* bytes, size_t size) {
    if (ssl_ == nullptr) return ::recv(fd_.get(), bytes, size, 0);
    return resultOf(SSL_read(ssl_.get(), bytes, static_cast<int>(size)));
  }

  int fd() const { return fd_.get(); }

 private:
  ssize_t resultOf(int done) {
    if (done > 0) return done;
    const int error = SSL_get_error(ssl_.get(), done);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
  }

  Fd fd_;
  SslPtr ssl_;  // before fd_ goes, this has let go of it
};

}  // namespace oxbow::bench
