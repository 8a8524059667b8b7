#include <fmt/format.h>
#include <openssl/x509.h>

#include <ctime>
#include <utility>

#include "proxy/tls/material.h"
#include "proxy/tls/named_file.h"
#include "proxy/tls/pem.h"

namespace oxbow::tls {

namespace {

bool readChain(const NamedFile& file, Identity& out) {
  const auto bytes = file.read();
  if (!bytes) return false;
  auto chain = parseCertificates(*bytes);
  if (!chain) return file.error(chain.error()), false;
  out.chain = std::move(chain.value());
  return true;
}

// The first line, as nginx has it.
std::string_view firstLine(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

bool takeKey(const NamedFile& file, const Secret& bytes, std::string_view passphrase,
             Identity& out) {
  auto key = parseKey(bytes.text(), passphrase);
  if (!key) return file.error(key.error()), false;
  out.key = std::move(key.value());
  return true;
}

bool readKey(const IdentityFiles& files, const Complaints& complaints, Identity& out) {
  const NamedFile file(files.key, files.keyKey, complaints);
  const auto bytes = file.readSecret();
  if (!bytes) return false;
  if (files.passwordFile->empty()) return takeKey(file, *bytes, {}, out);

  const NamedFile passwords(files.passwordFile, "password_file", complaints);
  const auto password = passwords.readSecret();
  if (!password) return false;
  const std::string_view passphrase = firstLine(password->text());
  if (passphrase.empty()) return passwords.error("its first line is empty"), false;
  return takeKey(file, *bytes, passphrase, out);
}

// Which of the chain the key belongs to.
std::optional<size_t> ownerOf(const Identity& identity) {
  for (size_t i = 0; i < identity.chain.size(); ++i)
    if (X509_check_private_key(identity.chain[i].get(), identity.key.get()) == 1) return i;
  return std::nullopt;
}

bool checkPair(const NamedFile& file, const Identity& identity) {
  const auto owner = ownerOf(identity);
  takeErrors();
  if (owner == 0u) return true;
  std::string what = "the key does not belong to the certificate";
  if (owner)
    what += fmt::format(", but to number {} in its file; a certificate stands before its issuer",
                        *owner + 1);
  return file.error(what), false;
}

std::string dateOf(const ASN1_TIME& time) {
  tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return "an unknown date";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

void warnOfDates(const NamedFile& file, const Identity& identity) {
  for (size_t i = 0; i < identity.chain.size(); ++i) {
    const X509& certificate = *identity.chain[i];
    const std::string which =
        i == 0 ? "the certificate" : fmt::format("certificate {} in it", i + 1);
    const ASN1_TIME& begin = *X509_get0_notBefore(&certificate);
    const ASN1_TIME& end = *X509_get0_notAfter(&certificate);
    if (X509_cmp_current_time(&end) < 0)
      file.warn(fmt::format("{} expired on {}", which, dateOf(end)));
    if (X509_cmp_current_time(&begin) > 0)
      file.warn(fmt::format("{} is not valid before {}", which, dateOf(begin)));
  }
}

Digest digestOfChain(const std::vector<CertificatePtr>& chain) {
  std::string all;
  for (const CertificatePtr& certificate : chain) {
    unsigned char one[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    ASSERT(X509_digest(certificate.get(), EVP_sha256(), one, &size) == 1);
    all.append(reinterpret_cast<const char*>(one), size);
  }
  return digestOf({all});
}

}  // namespace

bool readIdentity(const IdentityFiles& files, const Complaints& complaints, Identity& out) {
  const NamedFile file(files.cert, files.certKey, complaints);
  const bool hasChain = readChain(file, out);
  const bool hasKey = readKey(files, complaints, out);
  if (!hasChain || !hasKey) return false;
  if (!checkPair(NamedFile(files.key, files.keyKey, complaints), out)) return false;
  warnOfDates(file, out);
  out.digest = digestOfChain(out.chain);
  return true;
}

}  // namespace oxbow::tls
