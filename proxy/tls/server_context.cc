#include "proxy/tls/server_context.h"

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/host_name.h"
#include "proxy/tls/listener_digest.h"
#include "proxy/tls/name_groups.h"
#include "proxy/tls/parameters.h"
#include "proxy/tls/served_certificate.h"
#include "proxy/tls/virtual_host.h"

namespace oxbow::tls {

namespace {

using Certificates = std::vector<ServedCertificate>;

// The certificates of the block, all that is wrong with it told; none when something is.
Certificates readAll(const config::ListenerTls& config, const Complaints& complaints) {
  const ContextPtr scratch(SSL_CTX_new(TLS_server_method()));
  ASSERT(scratch != nullptr);
  bool good = applyParameters(*scratch, config.parameters, complaints);
  const auto clients =
      ClientVerification::read(config.clients, complaints.below("client_certificates"));
  Certificates all;
  for (size_t i = 0; i < config.certificates.size(); ++i) {
    auto one = readCertificate(config.certificates[i], clients, *scratch,
                               complaints.below(config::join("certificates", i)));
    if (one) all.push_back(std::move(*one));
  }
  good = good && clients != nullptr && all.size() == config.certificates.size();
  return good ? std::move(all) : Certificates();
}

// Without those that stand there already.
class FileList {
 public:
  explicit FileList(const Complaints& complaints) : folder_(complaints.folder) {}

  void add(const Located<std::string>& file) {
    if (file->empty()) return;
    std::string path = pathIn(folder_, *file);
    if (std::find(files_.begin(), files_.end(), path) == files_.end())
      files_.push_back(std::move(path));
  }
  void add(const config::ClientCertificates& clients) {
    if (*clients.verify == config::ClientVerify::Off) return;
    if (*clients.ca != "system") add(clients.ca);
    add(clients.crl);
  }
  void add(const config::CertificatePair& pair) {
    for (const auto* file : {&pair.cert, &pair.key, &pair.passwordFile, &pair.ocsp}) add(*file);
    if (pair.clients) add(*pair.clients);
  }
  std::vector<std::string> take() { return std::move(files_); }

 private:
  const std::string& folder_;
  std::vector<std::string> files_;
};

std::vector<std::string> filesOf(const config::ListenerTls& config, const Complaints& complaints) {
  FileList files(complaints);
  for (const config::CertificatePair& pair : config.certificates) files.add(pair);
  files.add(config.clients);
  for (const Located<std::string>& file : config.sessionTicketKeys) files.add(file);
  return files.take();
}

// Whoever loads the keys tells what is wrong with them; here they only count.
Digest digestOfTicketKeys(const config::ListenerTls& config, const Complaints& complaints) {
  std::string all;
  for (const Located<std::string>& file : config.sessionTicketKeys) {
    const auto bytes = readSecret(pathIn(complaints.folder, *file), kMaxFile);
    all += bytes ? digestOf({bytes.value().text()}) : digestOf({});
  }
  return digestOf({all});
}

CertificateInfo infoOf(const ServedCertificate& certificate, std::string file) {
  return {std::move(file), subjectOf(certificate.own()), certificate.patterns,
          wallTimeOf(*X509_get0_notAfter(&certificate.own()))};
}

}  // namespace

struct ServerContext::Parts {
  Parts(const config::ListenerTls& config, std::shared_ptr<TicketKeys> keys, Certificates read)
      : isRejecting(*config.unknownSni == config::UnknownSni::Reject),
        // HTTP/1.0 is spoken as well, and a few clients ask for just that.
        alpn(alpnWire(config.parameters) + "\x08http/1.0"),
        tickets(*config.sessionTickets ? std::move(keys) : nullptr),
        certificates(std::move(read)) {}

  void makeHosts(const config::ListenerTls& config, const std::vector<std::vector<size_t>>& groups);
  void describe(const config::ListenerTls& config, const Complaints& complaints);
  // Null: such a connection is refused.
  const VirtualHost* choose(std::string_view name) const;
  const VirtualHost& hostOf(std::string_view name) const;
  static int onClientHello(SSL* ssl, int* alert, void* self);

  const bool isRejecting;
  const std::string alpn;
  const std::shared_ptr<TicketKeys> tickets;
  const Certificates certificates;
  HostPatterns patterns;                            // lead to indices of hosts
  std::vector<std::unique_ptr<VirtualHost>> hosts;  // front: the default
  bool isOneVerification = true;                    // of all hosts

  std::vector<CertificateInfo> infos;
  std::vector<std::string> files;
  Digest digest;
};

void ServerContext::Parts::makeHosts(const config::ListenerTls& config,
                                     const std::vector<std::vector<size_t>>& groups) {
  std::vector<config::Problem> dropped;
  const Complaints nowhere{{}, {}, dropped, dropped};
  const HostSettings settings{config, nowhere, alpn, tickets.get(), onClientHello, this};
  for (const auto& group : groups) {
    std::vector<const ServedCertificate*> members;
    members.reserve(group.size());
    for (const size_t index : group) members.push_back(&certificates[index]);
    hosts.push_back(std::make_unique<VirtualHost>(std::move(members), settings));
    if (hosts.back()->verification() != hosts.front()->verification()) isOneVerification = false;
  }
}

void ServerContext::Parts::describe(const config::ListenerTls& config,
                                    const Complaints& complaints) {
  std::string all = digestOf(config) + digestOfTicketKeys(config, complaints);
  for (size_t i = 0; i < certificates.size(); ++i) {
    const ServedCertificate& one = certificates[i];
    infos.push_back(infoOf(one, pathIn(complaints.folder, *config.certificates[i].cert)));
    all += one.identity.digest + one.clients->identity();
    all += digestOf({one.staple ? one.staple->der() : std::string()});
  }
  files = filesOf(config, complaints);
  digest = digestOf({all});
}

const VirtualHost& ServerContext::Parts::hostOf(std::string_view name) const {
  return *hosts[patterns.find(name).value_or(0)];
}

const VirtualHost* ServerContext::Parts::choose(std::string_view name) const {
  if (isRejecting && !patterns.find(name)) return nullptr;
  return &hostOf(name);
}

// Here and not at the servername callback, which comes when a session has been resumed already, by
// the rules of the default.
int ServerContext::Parts::onClientHello(SSL* ssl, int* alert, void* self) {
  const auto name = serverNameOf(*ssl);
  if (!name) {
    *alert = SSL_AD_DECODE_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  const VirtualHost* host = static_cast<Parts*>(self)->choose(*name);
  if (host == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  *alert = SSL_AD_INTERNAL_ERROR;
  return host->takeOver(*ssl) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

std::shared_ptr<const ServerContext> ServerContext::make(const config::ListenerTls& config,
                                                         std::shared_ptr<TicketKeys> tickets,
                                                         const Complaints& complaints) {
  ASSERT(config.enabled());
  auto certificates = readAll(config, complaints);
  if (certificates.empty()) return nullptr;
  auto parts = std::make_unique<Parts>(config, std::move(tickets), std::move(certificates));
  NameGroups groups;
  if (!groupByName(parts->certificates, config.certificates, complaints, groups)) return nullptr;
  parts->patterns = std::move(groups.patterns);
  parts->makeHosts(config, groups.groups);
  parts->describe(config, complaints);
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(parts)));
}

ServerContext::ServerContext(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ServerContext::~ServerContext() = default;

SslPtr ServerContext::accept() const {
  SslPtr ssl(SSL_new(&parts_->hosts.front()->context()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

bool ServerContext::mayServe(const SSL& ssl, std::string_view host) const {
  if (parts_->isOneVerification) return true;
  const VirtualHost& asked = parts_->hostOf(withoutPort(host));
  return asked.verification() == VirtualHost::of(ssl).verification();
}

const std::vector<CertificateInfo>& ServerContext::certificates() const { return parts_->infos; }
const std::vector<std::string>& ServerContext::files() const { return parts_->files; }
const Digest& ServerContext::digest() const { return parts_->digest; }

}  // namespace oxbow::tls
