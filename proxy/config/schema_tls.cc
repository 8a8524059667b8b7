#include "proxy/config/schema.h"

// The blocks of TLS, on both sides.

namespace oxbow::config::schema {

namespace {

constexpr uint64_t kSecond = 1000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kDay = 24 * 60 * kMinute;

void append(std::vector<Key>& keys, std::vector<Key> more) {
  for (Key& key : more) keys.push_back(std::move(key));
}

Key verifyDepth(std::string_view directive) {
  return {.name = "verify_depth",
          .type = Type::Count,
          .defaultText = "4",
          .unit = "certificates",
          .max = 16,
          .meaning = "The most CA certificates between the peer's own and one that is trusted.",
          .example = "2",
          .nginx = directive};
}

// What nginx calls the keys that both sides have.
struct Directives {
  std::string_view protocols;
  std::string_view ciphers;
  std::string_view groups;
  std::string_view alpn;
};

std::vector<Key> versions(const Directives& nginx) {
  return {
      {.name = "min_version",
       .type = Type::Choice,
       .defaultText = "TLSv1.2",
       .choices = {"TLSv1.2", "TLSv1.3"},
       .meaning = "The oldest version of TLS.",
       .example = "TLSv1.3",
       .nginx = nginx.protocols},
      {.name = "max_version",
       .type = Type::Choice,
       .defaultText = "TLSv1.3",
       .choices = {"TLSv1.2", "TLSv1.3"},
       .meaning = "The newest version of TLS.",
       .example = "TLSv1.2",
       .nginx = nginx.protocols},
  };
}

std::vector<Key> algorithms(const Directives& nginx) {
  return {
      {.name = "ciphers",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "Cipher suites of TLS 1.2, as OpenSSL writes them. Without it, oxbow's own.",
       .example = "ECDHE+AESGCM:ECDHE+CHACHA20",
       .nginx = nginx.ciphers},
      {.name = "ciphersuites",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "Cipher suites of TLS 1.3. Without it, oxbow's own.",
       .example = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
       .nginx = "-"},
      {.name = "groups",
       .type = Type::String,
       .defaultText = "none",
       .meaning = "Groups of the key exchange, the preferred first. Without it, oxbow's own.",
       .example = "X25519:P-256",
       .nginx = nginx.groups},
      {.name = "alpn",
       .type = Type::StringList,
       .defaultText = "[ http/1.1 ]",
       .choices = {"http/1.1"},
       .later = {"h2"},
       .meaning = "Protocols to agree on, the preferred first: `http/1.1` only.",
       .example = "[ http/1.1 ]",
       .nginx = nginx.alpn},
  };
}

std::vector<Key> parameters(const Directives& nginx) {
  std::vector<Key> keys = versions(nginx);
  append(keys, algorithms(nginx));
  return keys;
}

std::vector<Key> serverVerification() {
  return {
      {.name = "sni",
       .typeName = "host or off",
       .defaultText = "none",
       .meaning = "The name that the handshake asks the server for. Without it, the host of the "
                  "server, if that is a name. `off`: none is sent.",
       .example = "api.internal",
       .nginx = "proxy_ssl_name, proxy_ssl_server_name"},
      {.name = "verify",
       .type = Type::Boolean,
       .defaultText = "on",
       .meaning = "Talk only to a server whose certificate is valid and has the right name.",
       .example = "off",
       .nginx = "proxy_ssl_verify"},
      {.name = "verify_name",
       .typeName = "host or IP address",
       .defaultText = "none",
       .meaning = "The name that the certificate must have. Without it, `sni`, or else the host "
                  "of the server.",
       .example = "api.example.com",
       .nginx = "-"},
      verifyDepth("proxy_ssl_verify_depth"),
      {.name = "ca",
       .typeName = "path or system",
       .defaultText = "system",
       .meaning = "The file of the CA certificates to trust. `system`: those of the system.",
       .example = "/etc/oxbow/ca.pem",
       .nginx = "proxy_ssl_trusted_certificate"},
      {.name = "crl",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The file of revoked certificates, of every CA in the chain.",
       .example = "/etc/oxbow/crl.pem",
       .nginx = "proxy_ssl_crl"},
  };
}

std::vector<Key> ownCertificate() {
  return {
      {.name = "certificate",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The certificate that oxbow shows to servers, with its chain.",
       .example = "/etc/oxbow/client.pem",
       .nginx = "proxy_ssl_certificate"},
      {.name = "certificate_key",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The key of `certificate`.",
       .example = "/etc/oxbow/client.key",
       .nginx = "proxy_ssl_certificate_key"},
      {.name = "password_file",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The file with the password of the key.",
       .example = "/etc/oxbow/client.pass",
       .nginx = "proxy_ssl_password_file"},
  };
}

std::vector<Key> upstreamTlsKeys() {
  std::vector<Key> keys = serverVerification();
  append(keys, ownCertificate());
  append(keys, parameters({"proxy_ssl_protocols", "proxy_ssl_ciphers", "-", "-"}));
  keys.push_back({.name = "session_reuse",
                  .type = Type::Boolean,
                  .defaultText = "on",
                  .meaning = "Resume sessions, so that a new connection needs no full handshake.",
                  .example = "off",
                  .nginx = "proxy_ssl_session_reuse"});
  return keys;
}

std::vector<Key> certificatesAndClients() {
  return {
      {.name = "certificates",
       .typeName = "list of mappings",
       .defaultText = "required",
       .meaning = "The certificates, at most 1000. The first is the default.",
       .example = "[ { cert: site.pem, key: site.key }, { cert: shop.pem, key: shop.key } ]",
       .nginx = "ssl_certificate"},
      {.name = "unknown_sni",
       .type = Type::Choice,
       .defaultText = "default",
       .choices = {"default", "reject"},
       .meaning = "What a client gets that asks for a name of no certificate: the default one, or "
                  "an alert.",
       .example = "reject",
       .nginx = "ssl_reject_handshake"},
      {.name = "client_certificates",
       .typeName = "off or mapping",
       .defaultText = "off",
       .meaning = "Whether clients must show a certificate.",
       .example = "{ verify: require, ca: clients.pem }",
       .nginx = "ssl_verify_client"},
      {.name = "handshake_timeout",
       .type = Type::Duration,
       .defaultText = "10s",
       .min = kMinDuration,
       .max = 5 * kMinute,
       .meaning = "How long a handshake may take in all. Then the connection closes.",
       .example = "5s",
       .nginx = "ssl_handshake_timeout"},
  };
}

// RFC 8446, section 4.6.1, allows tickets of 7 days. But who gets hold of a key that seals them
// reads what TLS 1.2 has sent under its tickets (RFC 9325, section 3.4): a day is enough.
std::vector<Key> sessions() {
  return {
      {.name = "session_tickets",
       .type = Type::Boolean,
       .defaultText = "on",
       .meaning = "Hand out tickets, so that clients resume their sessions.",
       .example = "off",
       .nginx = "ssl_session_tickets"},
      {.name = "session_ticket_keys",
       .typeName = "path or list",
       .defaultText = "none",
       .meaning = "Files of 80 or 48 random bytes, at most 16, shared by servers that stand for "
                  "each other. The first seals, all of them open. Without it, oxbow makes keys.",
       .example = "[ new.key, old.key ]",
       .nginx = "ssl_session_ticket_key"},
      {.name = "session_ticket_rotation",
       .type = Type::Duration,
       .defaultText = "12h",
       .min = kMinute,
       .max = 7 * kDay,
       .meaning = "How long a key that oxbow made seals. It opens for as long again.",
       .example = "1d",
       .nginx = "-"},
      {.name = "session_timeout",
       .type = Type::Duration,
       .defaultText = "12h",
       .min = kSecond,
       .max = kDay,
       .meaning = "How long a session can be resumed, in whole seconds.",
       .example = "1h",
       .nginx = "ssl_session_timeout"},
      {.name = "hsts",
       .typeName = "off or mapping",
       .defaultText = "off",
       .meaning = "Tell clients to come by https only, with `Strict-Transport-Security`.",
       .example = "{ max_age: 365d }",
       .nginx = "-"},
  };
}

std::vector<Key> listenerTlsKeys() {
  std::vector<Key> keys = certificatesAndClients();
  append(keys, parameters({"ssl_protocols", "ssl_ciphers", "ssl_ecdh_curve", "ssl_alpn"}));
  append(keys, sessions());
  return keys;
}

std::vector<Key> certificateKeys() {
  return {
      {.name = "cert",
       .typeName = "path",
       .defaultText = "required",
       .meaning = "The certificate, and behind it in the file those that it was issued by.",
       .example = "/etc/oxbow/site.pem",
       .nginx = "ssl_certificate"},
      {.name = "key",
       .typeName = "path",
       .defaultText = "required",
       .meaning = "The key of the certificate.",
       .example = "/etc/oxbow/site.key",
       .nginx = "ssl_certificate_key"},
      {.name = "names",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "Names that clients ask for: exact, or `\"*.example.com\"`. Upper and lower case "
                  "are the same. Without it, those in the certificate.",
       .example = "[ example.com, \"*.example.com\" ]",
       .nginx = "server_name"},
      {.name = "password_file",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The file with the password of the key.",
       .example = "/etc/oxbow/site.pass",
       .nginx = "ssl_password_file"},
      {.name = "ocsp",
       .typeName = "path",
       .defaultText = "none",
       .meaning = "The file of an OCSP response in DER, to staple.",
       .example = "/etc/oxbow/site.ocsp",
       .nginx = "ssl_stapling_file"},
      {.name = "client_certificates",
       .typeName = "off or mapping",
       .defaultText = "none",
       .meaning = "For these names, in place of the listener's.",
       .example = "{ verify: require, ca: partners.pem }",
       .nginx = "ssl_verify_client"},
  };
}

}  // namespace

const Block& upstreamTls() {
  static const Block block{.name = "upstreams.<name>.tls", .keys = upstreamTlsKeys()};
  return block;
}

const Block& listenerTls() {
  static const Block block{.name = "listeners[].tls", .keys = listenerTlsKeys()};
  return block;
}

const Block& certificate() {
  static const Block block{.name = "listeners[].tls.certificates[]", .keys = certificateKeys()};
  return block;
}

const Block& clientCertificates() {
  static const Block block{
      .name = "listeners[].tls.client_certificates",
      .keys = {
          {.name = "verify",
           .type = Type::Choice,
           .defaultText = "required",
           .choices = {"off", "optional", "require"},
           .meaning = "`require`: no handshake without a valid certificate. `optional`: clients "
                      "are asked for one, and `$ssl_client_verify` tells what they showed.",
           .example = "optional",
           .nginx = "ssl_verify_client"},
          {.name = "ca",
           .typeName = "path",
           .defaultText = "required",
           .meaning = "The file of the CA certificates to trust. Not needed with `verify: off`.",
           .example = "/etc/oxbow/clients.pem",
           .nginx = "ssl_client_certificate, ssl_trusted_certificate"},
          {.name = "crl",
           .typeName = "path",
           .defaultText = "none",
           .meaning = "The file of revoked certificates, of every CA in the chain.",
           .example = "/etc/oxbow/clients.crl",
           .nginx = "ssl_crl"},
          verifyDepth("ssl_verify_depth"),
      }};
  return block;
}

// Ten years at most; RFC 6797 has no limit.
const Block& hsts() {
  static const Block block{
      .name = "listeners[].tls.hsts",
      .keys = {
          {.name = "max_age",
           .type = Type::Duration,
           .defaultText = "required",
           .min = kSecond,
           .max = 3650 * kDay,
           .meaning = "How long clients remember it, in whole seconds.",
           .example = "730d",
           .nginx = "-"},
          {.name = "include_subdomains",
           .type = Type::Boolean,
           .defaultText = "off",
           .meaning = "The same for all hosts below this one.",
           .example = "on",
           .nginx = "-"},
          {.name = "preload",
           .type = Type::Boolean,
           .defaultText = "off",
           .meaning = "Agree to stand in the list that browsers come with. Needs "
                      "`include_subdomains` and a `max_age` of a year.",
           .example = "on",
           .nginx = "-"},
      }};
  return block;
}

}  // namespace oxbow::config::schema
