#include <openssl/x509_vfy.h>

#include <utility>

#include "proxy/tls/material.h"
#include "proxy/tls/named_file.h"
#include "proxy/tls/pem.h"

namespace oxbow::tls {

namespace {

constexpr std::string_view kSystem = "system";

bool useSystem(const NamedFile& ca, Trust& out) {
  if (X509_STORE_set_default_paths(out.store.get()) == 1) return true;
  return ca.error("the system's certificates cannot be read: " + takeErrors()), false;
}

bool addAuthorities(const NamedFile& ca, std::string_view pem, Trust& out) {
  auto authorities = parseCertificates(pem);
  if (!authorities) return ca.error(authorities.error()), false;
  out.authorities = std::move(authorities.value());
  for (const CertificatePtr& authority : out.authorities)
    if (X509_STORE_add_cert(out.store.get(), authority.get()) != 1)
      return ca.error(takeErrors()), false;
  return true;
}

// Nothing verifies against a list behind its time, which is hard to guess from the alerts.
void warnOfEnd(const NamedFile& crl, const X509_CRL& list) {
  const ASN1_TIME* end = X509_CRL_get0_nextUpdate(&list);
  if (end != nullptr && X509_cmp_current_time(end) < 0)
    crl.warn("a revocation list in it has expired: no certificate of that authority is accepted");
}

bool addRevocations(const NamedFile& crl, std::string_view pem, Trust& out) {
  const auto lists = parseRevocations(pem);
  if (!lists) return crl.error(lists.error()), false;
  for (const RevocationsPtr& list : lists.value()) {
    if (X509_STORE_add_crl(out.store.get(), list.get()) != 1) return crl.error(takeErrors()), false;
    warnOfEnd(crl, *list);
  }
  X509_STORE_set_flags(out.store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return true;
}

}  // namespace

bool readTrust(const Located<std::string>& ca, const Located<std::string>& crl,
               const Complaints& complaints, Trust& out) {
  out.store.reset(X509_STORE_new());
  ASSERT(out.store != nullptr);
  const NamedFile caFile(ca, "ca", complaints);
  const NamedFile crlFile(crl, "crl", complaints);
  const bool isSystem = *ca == kSystem;
  const auto authorities = isSystem ? std::string() : caFile.read();
  const auto revocations = crl->empty() ? std::string() : crlFile.read();
  if (!authorities || !revocations) return false;

  const bool hasAuthorities =
      isSystem ? useSystem(caFile, out) : addAuthorities(caFile, *authorities, out);
  const bool hasRevocations = crl->empty() || addRevocations(crlFile, *revocations, out);
  out.digest = digestOf({isSystem ? kSystem : "file", *authorities, *revocations});
  return hasAuthorities && hasRevocations;
}

}  // namespace oxbow::tls
