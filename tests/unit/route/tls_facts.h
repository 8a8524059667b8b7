#pragma once

#include <string>

#include "proxy/net/transport.h"

namespace oxbow::route {

// What a client's TLS might have established.
struct Facts final : net::TlsFacts {
  bool isResumed = false;
  std::string name = "example.com";
  std::string subject = "CN=Ada Lovelace,O=Example";

  std::string_view version() const override { return "TLSv1.3"; }
  std::string_view cipher() const override { return "TLS_AES_128_GCM_SHA256"; }
  std::string_view serverName() const override { return name; }
  bool resumed() const override { return isResumed; }
  bool offered() const override { return false; }
  std::string_view clientVerify() const override { return "FAILED:certificate has expired"; }
  std::string_view clientSubject() const override { return subject; }
  std::string_view clientFingerprint() const override { return "00ff"; }
  bool mayServe(std::string_view) const override { return true; }
};

}  // namespace oxbow::route
