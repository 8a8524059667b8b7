#include "tests/unit/tls/handshake.h"

#include <openssl/bio.h>
#include <openssl/err.h>

namespace oxbow::tls {

namespace {

// Enough for a HelloRetryRequest, certificates of both sides, and tickets.
constexpr int kRounds = 10;

// Also takes in what comes behind the handshake: tickets and late alerts.
void step(SSL& ssl) {
  char byte = 0;
  if (SSL_is_init_finished(&ssl) != 1)
    SSL_do_handshake(&ssl);
  else
    SSL_peek(&ssl, &byte, 1);
  ERR_clear_error();
}

}  // namespace

std::string_view ticketOf(const SSL_SESSION& session) {
  const unsigned char* ticket = nullptr;
  size_t size = 0;
  SSL_SESSION_get0_ticket(&session, &ticket, &size);
  return {reinterpret_cast<const char*>(ticket), size};
}

Handshake::Handshake(const ServerContext& context, const ClientSpec& spec)
    : context_(SSL_CTX_new(TLS_client_method())), server_(context.accept()) {
  SSL_CTX_set_session_cache_mode(context_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_.get(), onSession);
  client_.reset(SSL_new(context_.get()));
  REQUIRE(server_ != nullptr);
  SSL_set_app_data(client_.get(), this);
  SSL_set_info_callback(client_.get(), onInfo);
  SSL_set_connect_state(client_.get());
  configure(spec);

  BIO* clientEnd = nullptr;
  BIO* serverEnd = nullptr;
  REQUIRE(BIO_new_bio_pair(&clientEnd, 0, &serverEnd, 0) == 1);
  SSL_set_bio(client_.get(), clientEnd, clientEnd);
  SSL_set_bio(server_.get(), serverEnd, serverEnd);
}

// Else OpenSSL takes the sessions for broken ones.
Handshake::~Handshake() {
  SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void Handshake::configure(const ClientSpec& spec) {
  SSL* ssl = client_.get();
  if (spec.minVersion < TLS1_2_VERSION) SSL_set_security_level(ssl, 0);
  REQUIRE(SSL_set_min_proto_version(ssl, spec.minVersion) == 1);
  REQUIRE(SSL_set_max_proto_version(ssl, spec.maxVersion) == 1);
  if (!spec.sni.empty()) REQUIRE(SSL_set_tlsext_host_name(ssl, spec.sni.c_str()) == 1);
  if (spec.signatures != nullptr) REQUIRE(SSL_set1_sigalgs_list(ssl, spec.signatures) == 1);
  if (spec.groups != nullptr) REQUIRE(SSL_set1_groups_list(ssl, spec.groups) == 1);
  if (!spec.alpn.empty())
    REQUIRE(SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(spec.alpn.data()),
                                static_cast<unsigned>(spec.alpn.size())) == 0);
  if (spec.certificate != nullptr)
    REQUIRE(SSL_use_cert_and_key(ssl, spec.certificate->certificate.get(),
                                 spec.certificate->key.get(), nullptr, 1) == 1);
  if (spec.session != nullptr) {
    // A copy: OpenSSL uses up sessions of TLS 1.3, and what does not resume must be the server's
    // doing.
    offered_.reset(SSL_SESSION_dup(spec.session));
    REQUIRE(SSL_SESSION_is_resumable(offered_.get()) == 1);
    REQUIRE(SSL_set_session(ssl, offered_.get()) == 1);
  }
  if (spec.wantsStaple) REQUIRE(SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1);
}

bool Handshake::run() {
  for (int i = 0; i < kRounds; ++i) {
    step(*client_);
    step(*server_);
  }
  keepRenewed();
  return SSL_is_init_finished(client_.get()) == 1 && SSL_is_init_finished(server_.get()) == 1 &&
         !alert_;
}

// Of TLS 1.2, OpenSSL does not call back for a ticket that comes with a resumption.
void Handshake::keepRenewed() {
  if (!resumed() || SSL_version(client_.get()) >= TLS1_3_VERSION) return;
  const SSL_SESSION* now = SSL_get_session(client_.get());
  if (ticketOf(*now) != ticketOf(*offered_))
    sessions_.emplace_back(SSL_get1_session(client_.get()));
}

bool Handshake::isFrom(const test::Leaf& leaf) const {
  const X509* shown = SSL_get0_peer_certificate(client_.get());
  return shown != nullptr && X509_cmp(shown, leaf.certificate.get()) == 0;
}

std::string Handshake::alpn() const {
  const unsigned char* text = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client_.get(), &text, &size);
  return {reinterpret_cast<const char*>(text), size};
}

std::string Handshake::staple() const {
  const unsigned char* der = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(client_.get(), &der);
  return size > 0 ? std::string(reinterpret_cast<const char*>(der), static_cast<size_t>(size))
                  : std::string();
}

SSL_SESSION* Handshake::session() const {
  REQUIRE_FALSE(sessions_.empty());
  return sessions_.back().get();
}

bool Handshake::passes(SSL& from, SSL& to, const std::string& text) {
  char got[64];
  const int size = static_cast<int>(text.size());
  return SSL_write(&from, text.data(), size) == size && SSL_read(&to, got, sizeof got) == size &&
         text == std::string(got, text.size());
}

bool Handshake::serverSends(const std::string& text) { return passes(*server_, *client_, text); }
bool Handshake::clientSends(const std::string& text) { return passes(*client_, *server_, text); }

Handshake& Handshake::of(const SSL* ssl) { return *static_cast<Handshake*>(SSL_get_app_data(ssl)); }

int Handshake::onSession(SSL* ssl, SSL_SESSION* session) {
  of(ssl).sessions_.emplace_back(session);
  return 1;  // it is ours now
}

void Handshake::onInfo(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_READ) != 0 && (where & SSL_CB_ALERT) != 0 && value >> 8 == SSL3_AL_FATAL)
    of(ssl).alert_ = value & 0xff;
}

}  // namespace oxbow::tls
