#include "proxy/tls/listener_digest.h"

#include <string>
#include <type_traits>
#include <vector>

namespace oxbow::tls {

namespace {

// Values one behind the other, each with its length.
class Values {
 public:
  void add(const std::string& value) { text_ += std::to_string(value.size()) + ':' + value; }
  void add(Duration value) { add(std::to_string(value.count())); }
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) { add(std::to_string(static_cast<int64_t>(value))); }
  template <typename T>
  void add(const Located<T>& value) {
    add(*value);
  }
  template <typename T>
  void add(const std::vector<T>& list) {
    add(list.size());
    for (const T& value : list) add(value);
  }
  void add(const config::TlsParameters& p) {
    all(p.minVersion, p.maxVersion, p.ciphers, p.ciphersuites, p.groups, p.alpn);
  }
  void add(const config::ClientCertificates& c) { all(c.verify, c.ca, c.crl, c.verifyDepth); }
  void add(const config::CertificatePair& p) {
    all(p.cert, p.key, p.passwordFile, p.ocsp, p.names, p.clients.has_value());
    if (p.clients) add(*p.clients);
  }

  template <typename... T>
  void all(const T&... values) {
    (add(values), ...);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

Digest digestOf(const config::ListenerTls& c) {
  Values values;
  values.all(c.certificates, c.unknownSni, c.parameters, c.clients, c.handshakeTimeout,
             c.sessionTickets, c.sessionTicketKeys, c.sessionTicketRotation, c.sessionTimeout,
             c.hstsMaxAge, c.hstsSubdomains, c.hstsPreload);
  return digestOf({values.text()});
}

}  // namespace oxbow::tls
