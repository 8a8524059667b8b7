#pragma once

#include <openssl/ssl.h>

#include <memory>

namespace oxbow::tls {

// Owning pointers to OpenSSL's objects.
template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using RevocationsPtr = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;

}  // namespace oxbow::tls
