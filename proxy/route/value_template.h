#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/transport.h"

namespace oxbow::route {

// What the variables of a field value stand for in one exchange.
struct Variables {
  std::string_view requestId;
  std::string_view remoteAddr;
  std::string_view host;
  std::string_view scheme;
  const net::TlsFacts* tls = nullptr;  // the client's; null: it speaks none
};

// A field value of the configuration with variables in it, taken apart once: $request_id,
// $remote_addr, $host, $scheme, and of the client's TLS, as nginx has them, $ssl_protocol,
// $ssl_cipher, $ssl_server_name, $ssl_session_reused ("r" or "."), $ssl_client_verify,
// $ssl_client_s_dn and $ssl_client_fingerprint, which are empty for a plain client.
//
// What stands behind $ssl_ may be any bytes that a client or the issuer of its certificate chose.
// What is no visible ASCII becomes %XX (RFC 3986, section 2.1), so that it can neither end a field
// nor begin another. Spaces stay, except at either end, where they would not count as the value's;
// % becomes %25, so that no two values look the same. Of $ssl_server_name only letters, digits,
// '-', '.' and '_' stay: it may stand in Host.
class ValueTemplate {
 public:
  // REQUIRES: the validator knows every variable in `text`.
  explicit ValueTemplate(std::string_view text);

  bool isLiteral() const { return plain_ + ofTls_ == 0; }
  bool tellsTls() const { return ofTls_ != 0; }
  bool empty() const { return parts_.empty(); }
  // An upper bound of what write() needs but for tlsBytes(), for values of at most 256 bytes each.
  size_t bound() const { return literal_ + plain_ * 256; }
  // What the variables of TLS take, of one client.
  size_t tlsBytes(const net::TlsFacts& tls) const;
  // Bytes of the value.
  size_t size(const Variables& variables) const;
  // Writes the whole value to `out`, which has room for size(); returns its end.
  char* write(char* out, const Variables& variables) const;

 private:
  enum class Kind : uint8_t {
    Literal,
    RequestId,
    RemoteAddr,
    Host,
    Scheme,
    // Of TLS.
    Protocol,
    Cipher,
    ServerName,
    SessionReused,
    ClientVerify,
    ClientSubject,
    ClientFingerprint,
  };
  struct Part {
    Kind kind;
    std::string text;
  };
  static Kind kindOf(std::string_view name);
  static bool isOfTls(Kind kind) { return kind >= Kind::Protocol; }
  static std::string_view valueOf(const Part& part, const Variables& variables);
  static std::string_view tlsValueOf(Kind kind, const net::TlsFacts& tls);

  std::vector<Part> parts_;
  size_t literal_ = 0;
  size_t plain_ = 0;  // variables that are not of TLS
  size_t ofTls_ = 0;
};

}  // namespace oxbow::route
