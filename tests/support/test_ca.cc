#include "tests/support/test_ca.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <stdexcept>

namespace oxbow::test {

namespace {

using tls::Free;
template <typename T, auto free>
using Ptr = std::unique_ptr<T, Free<free>>;
using BioPtr = Ptr<BIO, BIO_free>;

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("the test CA cannot ") + what);
}

tls::KeyPtr makeKey(KeyType type) {
  if (type == KeyType::P256) return tls::KeyPtr(EVP_EC_gen("P-256"));
  static const tls::KeyPtr rsa(EVP_RSA_gen(2048));
  EVP_PKEY_up_ref(rsa.get());
  return tls::KeyPtr(rsa.get());
}

long nextSerial() {
  static std::atomic<long> serial{1000};
  return ++serial;
}

void setTime(ASN1_TIME* time, seconds fromNow) {
  must(X509_gmtime_adj(time, static_cast<long>(fromNow.count())) != nullptr, "set a time");
}

void setName(X509& certificate, const std::string& commonName) {
  if (commonName.empty()) return;
  const auto* text = reinterpret_cast<const unsigned char*>(commonName.data());
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(&certificate), "CN", MBSTRING_UTF8, text,
                                  static_cast<int>(commonName.size()), -1, 0) == 1,
       "set a name");
}

void addExtension(X509& certificate, X509& issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const Ptr<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  must(extension && X509_add_ext(&certificate, extension.get(), -1) == 1, "add an extension");
}

// Without extensions and signature; the issuer's name is yet to be set.
tls::CertificatePtr blank(const std::string& commonName, const Validity& valid, EVP_PKEY& key) {
  tls::CertificatePtr certificate(X509_new());
  must(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1,
       "make a certificate");
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), nextSerial());
  setTime(X509_getm_notBefore(certificate.get()), valid.from);
  setTime(X509_getm_notAfter(certificate.get()), valid.until);
  setName(*certificate, commonName);
  must(X509_set_pubkey(certificate.get(), &key) == 1, "set a key");
  return certificate;
}

std::string alternativeNames(const LeafSpec& spec) {
  std::string names;
  const auto add = [&](const char* kind, const std::string& name) {
    names += (names.empty() ? "" : ",") + (kind + name);
  };
  for (const std::string& name : spec.dns) add("DNS:", name);
  for (const std::string& ip : spec.ips) add("IP:", ip);
  return names;
}

std::string textOf(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return {data, static_cast<size_t>(size)};
}

using RevokedPtr = Ptr<X509_REVOKED, X509_REVOKED_free>;
RevokedPtr revokedEntry(const X509& certificate, const ASN1_TIME* when) {
  RevokedPtr entry(X509_REVOKED_new());
  auto* serial = const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(&certificate));
  must(X509_REVOKED_set_serialNumber(entry.get(), serial) == 1, "revoke");
  must(X509_REVOKED_set_revocationDate(entry.get(), const_cast<ASN1_TIME*>(when)) == 1, "revoke");
  return entry;
}

using TimePtr = Ptr<ASN1_TIME, ASN1_TIME_free>;
TimePtr timeAt(seconds fromNow) { return TimePtr(X509_gmtime_adj(nullptr, fromNow.count())); }

}  // namespace

std::string keyPem(EVP_PKEY& key, KeyFormat format, const std::string& passphrase) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = passphrase.empty() ? nullptr : EVP_aes_256_cbc();
  const auto* text = reinterpret_cast<const unsigned char*>(passphrase.data());
  const int size = static_cast<int>(passphrase.size());
  const int done = format == KeyFormat::Pkcs8
                       ? PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, cipher, passphrase.data(),
                                                       size, nullptr, nullptr)
                       : PEM_write_bio_PrivateKey_traditional(bio.get(), &key, cipher, text, size,
                                                              nullptr, nullptr);
  must(done == 1, "write a key");
  return textOf(*bio);
}

std::string certificatePem(X509& certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), &certificate) == 1, "write a certificate");
  return textOf(*bio);
}

TestCa::TestCa(const std::string& commonName, const Validity& valid)
    : TestCa(commonName, valid, nullptr) {}

TestCa TestCa::intermediate(const std::string& commonName, const Validity& valid) const {
  return {commonName, valid, this};
}

TestCa::TestCa(const std::string& commonName, const Validity& valid, const TestCa* issuer)
    : key_(makeKey(KeyType::P256)), certificate_(blank(commonName, valid, *key_)) {
  X509& own = *certificate_;
  X509& above = issuer != nullptr ? issuer->certificate() : own;
  EVP_PKEY& signer = issuer != nullptr ? issuer->key() : *key_;
  must(X509_set_issuer_name(&own, X509_get_subject_name(&above)) == 1, "name the issuer");
  addExtension(own, above, NID_basic_constraints, "critical,CA:TRUE");
  addExtension(own, above, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
  addExtension(own, above, NID_subject_key_identifier, "hash");
  addExtension(own, above, NID_authority_key_identifier, "keyid");
  must(X509_sign(&own, &signer, EVP_sha256()) > 0, "sign itself");
  if (issuer != nullptr) chainPem_ = certificatePem(own) + issuer->chainPem_;
  file_ = write("ca.pem", certificatePem(own));
}

Leaf TestCa::issue(const LeafSpec& spec) {
  const std::string name =
      spec.commonName.empty() && !spec.dns.empty() ? spec.dns.front() : spec.commonName;
  Leaf leaf;
  leaf.key = makeKey(spec.key);
  leaf.certificate = blank(name, spec.valid, *leaf.key);
  X509& own = *leaf.certificate;
  must(X509_set_issuer_name(&own, X509_get_subject_name(certificate_.get())) == 1,
       "name the issuer");
  addExtension(own, *certificate_, NID_basic_constraints, "critical,CA:FALSE");
  addExtension(own, *certificate_, NID_ext_key_usage, "serverAuth,clientAuth");
  addExtension(own, *certificate_, NID_authority_key_identifier, "keyid");
  if (const std::string names = alternativeNames(spec); !names.empty())
    addExtension(own, *certificate_, NID_subject_alt_name, names);
  must(X509_sign(&own, key_.get(), EVP_sha256()) > 0, "sign a certificate");

  const std::string stem = "leaf" + std::to_string(++leaves_);
  leaf.certFile = write(stem + ".pem", certificatePem(own) + chainPem_);
  leaf.keyFile = write(stem + ".key", keyPem(*leaf.key, KeyFormat::Pkcs8));
  return leaf;
}

std::string TestCa::crlPem(const Validity& valid) const {
  const Ptr<X509_CRL, X509_CRL_free> crl(X509_CRL_new());
  const TimePtr from = timeAt(valid.from);
  const TimePtr until = timeAt(valid.until);
  must(X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
           X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_.get())) == 1 &&
           X509_CRL_set1_lastUpdate(crl.get(), from.get()) == 1 &&
           X509_CRL_set1_nextUpdate(crl.get(), until.get()) == 1,
       "make a revocation list");
  for (const X509* certificate : revoked_)
    must(X509_CRL_add0_revoked(crl.get(), revokedEntry(*certificate, from.get()).release()) == 1,
         "revoke");
  must(X509_CRL_sign(crl.get(), key_.get(), EVP_sha256()) > 0, "sign a revocation list");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509_CRL(bio.get(), crl.get()) == 1, "write a revocation list");
  return textOf(*bio);
}

std::string TestCa::ocspDer(const Leaf& leaf, const OcspSpec& spec) const {
  const Ptr<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
  const Ptr<OCSP_CERTID, OCSP_CERTID_free> id(
      OCSP_cert_to_id(EVP_sha1(), leaf.certificate.get(), certificate_.get()));
  const TimePtr from = timeAt(spec.valid.from);
  const TimePtr until = timeAt(spec.valid.until);
  must(OCSP_basic_add1_status(basic.get(), id.get(), spec.status, 0, from.get(), from.get(),
                              spec.hasNextUpdate ? until.get() : nullptr) != nullptr,
       "make an OCSP response");
  must(OCSP_basic_sign(basic.get(), certificate_.get(), key_.get(), EVP_sha256(), nullptr, 0) == 1,
       "sign an OCSP response");
  const Ptr<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  unsigned char* bytes = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &bytes);
  must(size > 0, "write an OCSP response");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string TestCa::write(const std::string& name, std::string_view bytes, mode_t mode) const {
  const std::string path = folder_->file(name);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  must(fd >= 0, "open a file");
  const bool done = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                    ::fchmod(fd, mode) == 0;
  ::close(fd);
  must(done, "write a file");
  return path;
}

}  // namespace oxbow::test
