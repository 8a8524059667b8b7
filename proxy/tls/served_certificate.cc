#include "proxy/tls/served_certificate.h"

#include <chrono>
#include <utility>

#include "proxy/tls/certificate.h"
#include "proxy/tls/host_name.h"
#include "proxy/tls/named_file.h"

namespace oxbow::tls {

namespace {

using ChainPtr =
    std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509) * chain) { sk_X509_free(chain); }>>;

bool readNames(const config::CertificatePair& config, const Complaints& complaints,
               ServedCertificate& out) {
  if (config.names.empty()) out.patterns = hostNamesOf(out.own());
  bool good = true;
  for (const Located<std::string>& name : config.names) {
    auto pattern = parsePattern(*name);
    if (pattern) {
      out.patterns.push_back(std::move(*pattern));
      continue;
    }
    complaints.error(name.place, "names",
                     config::quoted(*name) + " is neither a host name nor \"*.\" and one");
    good = false;
  }
  return good;
}

// A response is renewed by something beside us, and may come late: that stops nothing.
void readStaple(const config::CertificatePair& config, const Complaints& complaints,
                ServedCertificate& out) {
  if (config.ocsp->empty()) return;
  const NamedFile file(config.ocsp, "ocsp", complaints);
  auto der = readFile(file.path(), kMaxFile);
  if (!der) return file.warn("not stapled: " + der.error().message);
  auto staple = Staple::parse(std::move(der.value()), out.own(), std::chrono::system_clock::now());
  if (!staple) return file.warn("not stapled: " + staple.error());
  out.staple = std::move(staple.value());
}

bool checkUse(const config::CertificatePair& config, SSL_CTX& scratch, const Complaints& complaints,
              const ServedCertificate& certificate) {
  if (certificate.putInto(scratch)) return true;
  NamedFile(config.cert, "cert", complaints).error("it cannot be used: " + takeErrors());
  return false;
}

std::shared_ptr<const ClientVerification> clientsOf(
    const config::CertificatePair& config, const std::shared_ptr<const ClientVerification>& clients,
    const Complaints& complaints) {
  if (!config.clients) return clients;
  return ClientVerification::read(*config.clients, complaints.below("client_certificates"));
}

}  // namespace

bool ServedCertificate::putInto(SSL_CTX& context) const {
  const ChainPtr above(sk_X509_new_null());
  for (size_t i = 1; i < identity.chain.size(); ++i)
    sk_X509_push(above.get(), identity.chain[i].get());
  constexpr int kReplace = 1;
  return SSL_CTX_use_cert_and_key(&context, identity.chain.front().get(), identity.key.get(),
                                  above.get(), kReplace) == 1;
}

std::optional<ServedCertificate> readCertificate(
    const config::CertificatePair& config, const std::shared_ptr<const ClientVerification>& clients,
    SSL_CTX& scratch, const Complaints& complaints) {
  ServedCertificate out;
  out.clients = clientsOf(config, clients, complaints);
  const bool hasIdentity =
      readIdentity({config.cert, config.key, config.passwordFile}, complaints, out.identity);
  if (!hasIdentity || !checkUse(config, scratch, complaints, out)) return std::nullopt;
  readStaple(config, complaints, out);
  if (!readNames(config, complaints, out) || out.clients == nullptr) return std::nullopt;
  return out;
}

}  // namespace oxbow::tls
