#pragma once

#include <openssl/x509.h>

#include <optional>
#include <string>
#include <utility>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

namespace oxbow::tls {

// A response of OCSP (RFC 6960) that goes with a certificate into handshakes (RFC 6066, section 8).
class Staple {
 public:
  // The error says in plain words why `der` is not to be stapled to `certificate` at `now`. Its
  // signature is the client's to check.
  static Result<Staple> parse(std::string der, const X509& certificate, WallTime now);

  const std::string& der() const { return der_; }
  // False once newer information is to be had (nextUpdate).
  bool isFresh(WallTime now) const { return !until_ || now < *until_; }

 private:
  Staple(std::string der, std::optional<WallTime> until) : der_(std::move(der)), until_(until) {}

  std::string der_;
  std::optional<WallTime> until_;
};

}  // namespace oxbow::tls
