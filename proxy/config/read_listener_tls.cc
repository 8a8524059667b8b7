#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>

#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/tls_rules.h"

namespace oxbow::config {

namespace {

constexpr size_t kMaxCertificates = 1000;
constexpr size_t kMaxTicketKeys = 16;
constexpr std::chrono::hours kYear{365 * 24};

// A mapping or `off`; else nullptr, with a problem if something else stands there.
const Node* takeMappingOrOff(BlockReader& in, std::string_view name, std::string_view hint) {
  const Node* value = in.take(name);
  if (value == nullptr || value->isMapping()) return value;
  const auto word = value->isScalar() ? parseBoolean(value->text) : Fault{};
  if (word && !word.value()) return value;
  in.fail(name, fmt::format("write off, or {}", hint));
  return nullptr;
}

ClientCertificates readClientsMapping(const Node& node, const BlockReader& tls,
                                      std::vector<Problem>& problems) {
  ClientCertificates out;
  BlockReader in(node, schema::clientCertificates(), tls.pathOf("client_certificates"), problems);
  in.require("verify");
  in.read("verify", out.verify);
  readFileName(in, "ca", out.ca);
  readFileName(in, "crl", out.crl);
  in.read("verify_depth", out.verifyDepth);
  in.finish();
  if (!in.has("verify") || !in.isGood("verify")) return out;
  if (*out.verify != ClientVerify::Off) in.require("ca");
  if (*out.verify == ClientVerify::Off && in.has("crl"))
    in.fail("crl", "contradicts verify off: nobody looks whether a certificate is revoked");
  return out;
}

// Nothing when the key is not there; `off` is something.
std::optional<ClientCertificates> readClients(BlockReader& in) {
  const Node* node =
      takeMappingOrOff(in, "client_certificates", "{ verify: require, ca: clients.pem }");
  if (node == nullptr) return std::nullopt;
  if (node->isMapping()) return readClientsMapping(*node, in, in.problems());
  ClientCertificates off;
  off.verify = {ClientVerify::Off, node->place};
  return off;
}

void readNames(const Node& node, BlockReader& in, std::vector<Located<std::string>>& out) {
  in.read("names", out);
  const Node* value = node.find("names");
  if (value != nullptr && value->isList() && value->children.empty())
    in.fail("names", "is an empty list; leave it out for the names in the certificate");
  ItemPaths paths(value, in.pathOf("names"));
  std::unordered_set<std::string> seen;
  for (Located<std::string>& name : out) {
    name.value = lowered(name.value);
    const std::string path = paths.next();
    if (const auto fault = checkCertificateName(*name))
      in.problems().push_back({name.place, path, fault->message, fault->suggestion});
    else if (!seen.insert(*name).second)
      in.problems().push_back({name.place, path, "stands in this list twice", {}});
  }
}

CertificatePair readCertificate(const Node& node, const std::string& path,
                                std::vector<Problem>& problems) {
  CertificatePair pair;
  pair.place = node.place;
  BlockReader in(node, schema::certificate(), path, problems);
  in.require("cert");
  readFileName(in, "cert", pair.cert);
  in.require("key");
  readFileName(in, "key", pair.key);
  readNames(node, in, pair.names);
  readFileName(in, "password_file", pair.passwordFile);
  readFileName(in, "ocsp", pair.ocsp);
  pair.clients = readClients(in);
  in.finish();
  return pair;
}

void readCertificates(BlockReader& in, std::vector<CertificatePair>& out) {
  in.require("certificates");
  const Node* list = in.takeList("certificates");
  if (list == nullptr) return;
  if (list->children.empty()) in.fail("certificates", "is empty; the first one is the default");
  if (list->children.size() > kMaxCertificates)
    in.fail("certificates", fmt::format("has {} certificates; at most {} are allowed",
                                        list->children.size(), kMaxCertificates));
  for (size_t i = 0; i < list->children.size(); ++i) {
    const Node& node = list->children[i];
    const std::string path = join(in.pathOf("certificates"), i);
    if (node.isMapping())
      out.push_back(readCertificate(node, path, in.problems()));
    else
      in.problems().push_back(
          {node.place,
           path,
           fmt::format("expected a mapping with cert and key, got {}", kindName(node.kind)),
           {}});
  }
}

// Otherwise nobody knows how clients were meant to be verified.
bool areClientsGood(const std::vector<Problem>& problems, size_t since) {
  return std::none_of(problems.begin() + static_cast<std::ptrdiff_t>(since), problems.end(),
                      [](const Problem& problem) {
                        return problem.path.find("client_certificates") != std::string::npos;
                      });
}

bool isSameVerification(const ClientCertificates& a, const ClientCertificates& b) {
  return a == b || (*a.verify == ClientVerify::Off && *b.verify == ClientVerify::Off);
}

// Certificates of one name differ in the type of their key, which the client chooses by: it must
// not choose with that whether it is verified.
void checkSameNames(const ListenerTls& tls, const std::string& path,
                    std::vector<Problem>& problems) {
  const auto clientsOf = [&](const CertificatePair& pair) -> const ClientCertificates& {
    return pair.clients ? *pair.clients : tls.clients;
  };
  std::unordered_map<std::string, const CertificatePair*> first;
  for (size_t i = 0; i < tls.certificates.size(); ++i)
    for (const Located<std::string>& name : tls.certificates[i].names) {
      const CertificatePair& other = *first.try_emplace(*name, &tls.certificates[i]).first->second;
      if (isSameVerification(clientsOf(tls.certificates[i]), clientsOf(other))) continue;
      problems.push_back({name.place,
                          join(join(path, i), "names"),
                          fmt::format("{} also stands in line {}, with other client_certificates",
                                      quoted(*name), other.place.line),
                          {}});
    }
}

void readSessions(const Node& node, BlockReader& in, ListenerTls& out) {
  in.read("session_tickets", out.sessionTickets);
  readFileNames(node, in, "session_ticket_keys", out.sessionTicketKeys);
  in.read("session_ticket_rotation", out.sessionTicketRotation);
  in.read("session_timeout", out.sessionTimeout);
  checkWholeSeconds(in, "session_timeout", out.sessionTimeout);
  if (out.sessionTicketKeys.size() > kMaxTicketKeys)
    in.fail("session_ticket_keys", fmt::format("has {} files; at most {} are allowed",
                                               out.sessionTicketKeys.size(), kMaxTicketKeys));
  if (in.has("session_ticket_keys") && !*out.sessionTickets)
    in.fail("session_ticket_keys", "contradicts session_tickets off");
}

// What https://hstspreload.org asks for.
void checkPreload(BlockReader& in, const ListenerTls& tls) {
  if (!*tls.hstsPreload) return;
  if (!*tls.hstsSubdomains && in.isGood("include_subdomains"))
    in.fail("preload", "needs include_subdomains");
  if (in.has("max_age") && in.isGood("max_age") && *tls.hstsMaxAge < kYear)
    in.fail("preload", "needs a max_age of a year, 365d");
}

void readHsts(BlockReader& tls, ListenerTls& out) {
  const Node* node = takeMappingOrOff(tls, "hsts", "{ max_age: 365d }");
  if (node == nullptr || !node->isMapping()) return;
  BlockReader in(*node, schema::hsts(), tls.pathOf("hsts"), tls.problems());
  in.require("max_age");
  in.read("max_age", out.hstsMaxAge);
  checkWholeSeconds(in, "max_age", out.hstsMaxAge);
  in.read("include_subdomains", out.hstsSubdomains);
  in.read("preload", out.hstsPreload);
  in.finish();
  checkPreload(in, out);
}

}  // namespace

void readListenerTls(BlockReader& listener, ListenerTls& out) {
  const Node* node =
      takeMappingOrOff(listener, "tls", "{ certificates: [ { cert: ..., key: ... } ] }");
  if (node == nullptr || !node->isMapping()) return;
  const size_t before = listener.problems().size();
  BlockReader in(*node, schema::listenerTls(), listener.pathOf("tls"), listener.problems());
  readCertificates(in, out.certificates);
  in.read("unknown_sni", out.unknownSni);
  if (auto clients = readClients(in)) out.clients = *std::move(clients);
  in.read("handshake_timeout", out.handshakeTimeout);
  readTlsParameters(*node, in, out.parameters);
  readSessions(*node, in, out);
  readHsts(in, out);
  in.finish();
  if (areClientsGood(in.problems(), before))
    checkSameNames(out, in.pathOf("certificates"), in.problems());
}

}  // namespace oxbow::config
