#include "proxy/tls/client_context.h"

#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/base/assert.h"
#include "proxy/tls/parameters.h"

namespace oxbow::tls {

namespace {

// Where a connection finds its cache.
int cacheIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// OpenSSL has made a session, or the server sent a ticket. 1: it is ours now.
int onNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* cache = static_cast<SessionCache*>(SSL_get_ex_data(ssl, cacheIndex()));
  if (cache == nullptr) return 0;
  cache->put(SessionPtr(session));
  return 1;
}

// The host of a server as written; empty for a Unix socket.
std::string_view hostOf(std::string_view server) {
  if (server.substr(0, 5) == "unix:") return {};
  if (!server.empty() && server.front() == '[') return server.substr(1, server.find(']') - 1);
  return server.substr(0, server.rfind(':'));
}

bool isIpAddress(std::string_view host) { return SocketAddress::parseIp(host, 0).ok(); }

void addFile(std::vector<std::string>& files, const std::string& folder,
             const Located<std::string>& file) {
  if (!file->empty() && *file != "system") files.push_back(pathIn(folder, *file));
}

}  // namespace

std::shared_ptr<const ClientContext> ClientContext::make(const config::UpstreamTls& config,
                                                         const Complaints& complaints) {
  std::shared_ptr<ClientContext> made(new ClientContext());
  if (!made->load(config, complaints)) return nullptr;
  return made;
}

bool ClientContext::load(const config::UpstreamTls& config, const Complaints& complaints) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  ASSERT(context_ != nullptr);
  SSL_CTX& context = *context_;
  bool good = applyParameters(context, config.parameters, complaints);
  common_.alpn = alpnWire(config.parameters);
  SSL_CTX_set_alpn_protos(&context, reinterpret_cast<const unsigned char*>(common_.alpn.data()),
                          static_cast<unsigned>(common_.alpn.size()));

  common_.verify = *config.verify;
  if (*config.verify) {
    Trust trust;
    good &= readTrust(config.ca, config.crl, complaints, trust);
    SSL_CTX_set1_cert_store(&context, trust.store.get());
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_verify_depth(&context, static_cast<int>(*config.verifyDepth));
    common_.verifyDepth = *config.verifyDepth;
    common_.trust = trust.digest;
  }
  if (!config.certificate->empty()) {
    Identity identity;
    const IdentityFiles files{config.certificate, config.certificateKey, config.passwordFile,
                              "certificate", "certificate_key"};
    if (readIdentity(files, complaints, identity)) {
      SSL_CTX_use_certificate(&context, identity.chain.front().get());
      SSL_CTX_use_PrivateKey(&context, identity.key.get());
      for (size_t i = 1; i < identity.chain.size(); ++i)
        SSL_CTX_add1_chain_cert(&context, identity.chain[i].get());
      common_.certificate = identity.digest;
    } else {
      good = false;
    }
  }
  common_.minVersion = *config.parameters.minVersion;
  common_.maxVersion = *config.parameters.maxVersion;
  common_.ciphers = *config.parameters.ciphers;
  common_.ciphersuites = *config.parameters.ciphersuites;
  common_.groups = *config.parameters.groups;
  sni_ = *config.sni;
  verifyName_ = *config.verifyName;

  // Ours is the only cache: OpenSSL's knows neither endpoints nor that tickets are used once.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(&context, static_cast<long>(SessionCache::kLongestTicket));
  SSL_CTX_sess_set_new_cb(&context, onNewSession);
  for (const auto* file :
       {&config.ca, &config.crl, &config.certificate, &config.certificateKey, &config.passwordFile})
    addFile(files_, complaints.folder, *file);
  return good;
}

Digest ClientContext::digest() const { return digestOf({common_.trust, common_.certificate}); }

ClientIdentity ClientContext::identityFor(std::string_view server) const {
  ClientIdentity identity = common_;
  const std::string_view host = hostOf(server);
  // RFC 6066, section 3: an address is no name to ask for.
  if (sni_.empty())
    identity.sni = isIpAddress(host) ? std::string_view() : host;
  else if (sni_ != "off")
    identity.sni = sni_;
  if (!identity.verify) return identity;
  if (!verifyName_.empty())
    identity.verifyName = verifyName_;
  else
    identity.verifyName = identity.sni.empty() ? host : identity.sni;
  return identity;
}

SslPtr ClientContext::connect(const ClientIdentity& identity, SessionCache* sessions) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl.get());
  // Rather no connection than one that is not verified.
  if (identity.verify && identity.verifyName.empty()) return nullptr;
  if (!identity.sni.empty()) SSL_set_tlsext_host_name(ssl.get(), identity.sni.c_str());
  if (!identity.verifyName.empty()) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
    // Common names are no names of servers (RFC 9110, section 4.3.4).
    X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const bool set = isIpAddress(identity.verifyName)
                         ? X509_VERIFY_PARAM_set1_ip_asc(param, identity.verifyName.c_str()) == 1
                         : X509_VERIFY_PARAM_set1_host(param, identity.verifyName.c_str(),
                                                       identity.verifyName.size()) == 1;
    if (!set) return nullptr;
  }
  if (sessions == nullptr) return ssl;
  SSL_set_ex_data(ssl.get(), cacheIndex(), sessions);
  if (const SessionPtr session = sessions->take(time(nullptr)))
    SSL_set_session(ssl.get(), session.get());
  return ssl;
}

}  // namespace oxbow::tls
