#include "proxy/tls/parameters.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>

#include "proxy/tls/key_log.h"

namespace oxbow::tls {

namespace {

// Forward secrecy and authenticated encryption only (RFC 9325, section 4.2).
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr size_t kMaxProtocol = 255;  // RFC 7301, section 3.1: one byte of length

// Calls `visit` for each element of an OpenSSL list.
template <typename Visit>
void forEach(std::string_view list, std::string_view separators, Visit visit) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find_first_of(separators));
    if (!element.empty()) visit(std::string(element));
    list.remove_prefix(std::min(list.size(), element.size() + 1));
  }
}

int numberOf(config::TlsVersion version) {
  return version == config::TlsVersion::Tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

bool setVersions(SSL_CTX& context, const config::TlsParameters& parameters) {
  return SSL_CTX_set_min_proto_version(&context, numberOf(*parameters.minVersion)) == 1 &&
         SSL_CTX_set_max_proto_version(&context, numberOf(*parameters.maxVersion)) == 1;
}

void setModes(SSL_CTX& context) {
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // AUTO_RETRY: what comes behind the handshake, as tickets do, must not stop a reading that has
  // data next.
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(&context, 1);  // else two recv() a record
  // None is taken; what a client sends all the same is skipped (RFC 8446, section 4.2.10).
  SSL_CTX_set_max_early_data(&context, 0);
  applyKeyLog(context);
}

// OpenSSL passes over what it does not know, and a slip of the pen with it.
void warnOfUnknownCiphers(const Located<std::string>& ciphers, const Complaints& complaints) {
  const ContextPtr scratch(SSL_CTX_new(TLS_method()));
  forEach(*ciphers, ":, ;", [&](const std::string& element) {
    if (std::string_view("!-+@").find(element.front()) != std::string_view::npos) return;
    if (SSL_CTX_set_cipher_list(scratch.get(), element.c_str()) != 1)
      complaints.warn(ciphers.place, "ciphers", config::quoted(element) + " names no cipher");
  });
  ERR_clear_error();
}

bool setCiphers(SSL_CTX& context, const Located<std::string>& ciphers,
                const Complaints& complaints) {
  const char* list = ciphers->empty() ? kCiphers : ciphers->c_str();
  if (SSL_CTX_set_cipher_list(&context, list) != 1) {
    takeErrors();
    complaints.error(ciphers.place, "ciphers", config::quoted(*ciphers) + " names no cipher");
    return false;
  }
  if (!ciphers->empty()) warnOfUnknownCiphers(ciphers, complaints);
  return true;
}

bool hasCipher(const SSL_CTX& context, std::string_view name) {
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(&context);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
    if (name == SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i))) return true;
  return false;
}

// OpenSSL is content with a list that names nothing it knows, and then has no cipher at all.
bool setCiphersuites(SSL_CTX& context, const Located<std::string>& suites,
                     const Complaints& complaints) {
  if (suites->empty()) return SSL_CTX_set_ciphersuites(&context, kSuites) == 1;
  bool good = SSL_CTX_set_ciphersuites(&context, suites->c_str()) == 1;
  ERR_clear_error();
  size_t count = 0;
  forEach(*suites, ":", [&](const std::string& name) {
    ++count;
    if (hasCipher(context, name)) return;
    good = false;
    complaints.error(suites.place, "ciphersuites",
                     config::quoted(name) + " is no cipher suite of TLS 1.3");
  });
  if (count == 0) complaints.error(suites.place, "ciphersuites", "names no cipher suite");
  return good && count > 0;
}

bool setGroups(SSL_CTX& context, const Located<std::string>& groups, const Complaints& complaints) {
  const char* list = groups->empty() ? kGroups : groups->c_str();
  if (SSL_CTX_set1_groups_list(&context, list) == 1) return true;
  takeErrors();
  complaints.error(
      groups.place, "groups",
      config::quoted(*groups) + " has a group that is unknown; \"" + kGroups + "\" is the default");
  return false;
}

bool checkAlpn(const config::TlsParameters& parameters, const Complaints& complaints) {
  bool good = true;
  for (const Located<std::string>& protocol : parameters.alpn) {
    if (!protocol->empty() && protocol->size() <= kMaxProtocol) continue;
    good = false;
    complaints.error(protocol.place, "alpn",
                     config::quoted(*protocol) + " is no protocol: 1 to 255 bytes");
  }
  return good;
}

}  // namespace

bool applyParameters(SSL_CTX& context, const config::TlsParameters& parameters,
                     const Complaints& complaints) {
  ASSERT(setVersions(context, parameters));
  setModes(context);
  const bool ciphers = setCiphers(context, parameters.ciphers, complaints);
  const bool suites = setCiphersuites(context, parameters.ciphersuites, complaints);
  const bool groups = setGroups(context, parameters.groups, complaints);
  return checkAlpn(parameters, complaints) && ciphers && suites && groups;
}

std::string alpnWire(const config::TlsParameters& parameters) {
  std::string wire;
  for (const Located<std::string>& protocol : parameters.alpn) {
    wire += static_cast<char>(protocol->size());
    wire += *protocol;
  }
  return wire.empty() ? "\x08http/1.1" : wire;
}

}  // namespace oxbow::tls
