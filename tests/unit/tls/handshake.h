#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/tls/handle.h"
#include "proxy/tls/server_context.h"
#include "tests/support/test_ca.h"

namespace oxbow::tls {

// A client that believes every server.
struct ClientSpec {
  std::string sni = {};  // empty: none is sent
  int minVersion = TLS1_2_VERSION;
  int maxVersion = TLS1_3_VERSION;
  const char* signatures = nullptr;  // "ECDSA+SHA256"
  const char* groups = nullptr;
  std::string alpn = {};  // as in the extension
  const test::Leaf* certificate = nullptr;
  SSL_SESSION* session = nullptr;  // to be resumed; may be offered again
  bool wantsStaple = false;
};

std::string_view ticketOf(const SSL_SESSION& session);

// A client and a server's side of a ServerContext, over memory.
class Handshake {
 public:
  Handshake(const ServerContext& context, const ClientSpec& spec);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // Goes on until nothing moves. Whether both sides are through.
  bool run();

  SSL& client() { return *client_; }
  SSL& server() { return *server_; }
  // The fatal alert that the client got.
  std::optional<int> alert() const { return alert_; }
  bool resumed() const { return SSL_session_reused(client_.get()) == 1; }
  bool isFrom(const test::Leaf& leaf) const;  // the certificate that the server showed
  std::string alpn() const;                   // what was agreed on
  std::string staple() const;                 // empty: none
  long verifyResult() const { return SSL_get_verify_result(server_.get()); }
  // Sessions for resumption that the client got.
  size_t sessions() const { return sessions_.size(); }
  // The newest. REQUIRES: there is one.
  SSL_SESSION* session() const;

  // What the server sends next to the client, and back.
  bool serverSends(const std::string& text);
  bool clientSends(const std::string& text);

 private:
  static int onSession(SSL* ssl, SSL_SESSION* session);
  static void onInfo(const SSL* ssl, int where, int value);
  static Handshake& of(const SSL* ssl);
  void configure(const ClientSpec& spec);
  void keepRenewed();
  static bool passes(SSL& from, SSL& to, const std::string& text);

  ContextPtr context_;
  SessionPtr offered_;
  SslPtr client_;
  SslPtr server_;
  std::vector<SessionPtr> sessions_;
  std::optional<int> alert_;
};

}  // namespace oxbow::tls
