#pragma once

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/tls/handle.h"
#include "tests/unit/log/temp_dir.h"

namespace oxbow::test {

using std::chrono::seconds;

enum class KeyType {
  P256,
  Rsa2048
};  // all RSA keys of a process are the same one: making it is slow

// From and until, counted from now.
struct Validity {
  seconds from = std::chrono::hours(-1);
  seconds until = std::chrono::hours(24);
};
inline constexpr Validity kExpired{std::chrono::hours(-48), std::chrono::hours(-24)};
inline constexpr Validity kNotYet{std::chrono::hours(24), std::chrono::hours(48)};

struct LeafSpec {
  std::vector<std::string> dns = {};
  std::vector<std::string> ips = {};
  std::string commonName = {};  // empty: the first name, if there is one
  KeyType key = KeyType::P256;
  Validity valid = {};
};

// A certificate for servers and clients.
struct Leaf {
  tls::CertificatePtr certificate;
  tls::KeyPtr key;
  std::string certFile;  // with the intermediate certificates behind it
  std::string keyFile;   // PKCS#8, not encrypted
};

enum class KeyFormat { Pkcs8, Traditional };
// Empty passphrase: not encrypted.
std::string keyPem(EVP_PKEY& key, KeyFormat format, const std::string& passphrase = {});
std::string certificatePem(X509& certificate);

struct OcspSpec {
  int status = 0;  // V_OCSP_CERTSTATUS_GOOD
  Validity valid = {};
  bool hasNextUpdate = true;
};

// A certificate authority for tests. What it makes lies as PEM (OCSP: DER) with mode 0600 in a
// folder that goes with it. Throws when something fails.
class TestCa {
 public:
  explicit TestCa(const std::string& commonName = "Test CA", const Validity& valid = {});
  // One that this one has issued; its leaves have its certificate behind their own.
  TestCa intermediate(const std::string& commonName = "Test intermediate CA",
                      const Validity& valid = {}) const;

  Leaf issue(const LeafSpec& spec);

  void revoke(const Leaf& leaf) { revoked_.push_back(leaf.certificate.get()); }
  // REQUIRES: what was revoked is still there.
  std::string crlPem(const Validity& valid = {}) const;
  std::string ocspDer(const Leaf& leaf, const OcspSpec& spec = {}) const;

  X509& certificate() const { return *certificate_; }
  EVP_PKEY& key() const { return *key_; }
  const std::string& file() const { return file_; }  // its own certificate

  // A file in the folder; the same name replaces it. Returns its path.
  std::string write(const std::string& name, std::string_view bytes, mode_t mode = 0600) const;
  std::string path(const std::string& name) const { return folder_->file(name); }
  std::string writeCrl(const Validity& valid = {}) const { return write("ca.crl", crlPem(valid)); }

 private:
  TestCa(const std::string& commonName, const Validity& valid, const TestCa* issuer);

  std::unique_ptr<TempDir> folder_ = std::make_unique<TempDir>();
  tls::KeyPtr key_;
  tls::CertificatePtr certificate_;
  std::string file_;
  std::string chainPem_;  // what stands behind a leaf
  std::vector<const X509*> revoked_;
  int leaves_ = 0;
};

}  // namespace oxbow::test
