#include "proxy/tls/pem.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <climits>
#include <cstring>
#include <utility>

#include "proxy/tls/material.h"

namespace oxbow::tls {

namespace {

using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;

BioPtr open(std::string_view text) {
  ASSERT(text.size() <= INT_MAX);
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Whether the last reading failed only because there is no further block.
bool atEnd() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// What answers OpenSSL when it finds an encrypted block.
struct Answer {
  std::string_view passphrase;
  bool asked = false;

  static int give(char* to, int size, int /*toWrite*/, void* data) {
    auto& self = *static_cast<Answer*>(data);
    self.asked = true;
    const size_t length = self.passphrase.size();
    if (length == 0 || length > static_cast<size_t>(size)) return -1;
    std::memcpy(to, self.passphrase.data(), length);
    return static_cast<int>(length);
  }
};

template <typename Ptr, typename Read>
Result<std::vector<Ptr>> parseAll(std::string_view pem, Read read, const char* noun) {
  ERR_clear_error();
  const BioPtr bio = open(pem);
  std::vector<Ptr> all;
  Answer none;
  while (Ptr one{read(bio.get(), nullptr, Answer::give, &none)}) all.push_back(std::move(one));
  const bool ended = atEnd();
  const std::string error = takeErrors();
  if (!ended) return fmt::format("{} {} in it is broken: {}", noun, all.size() + 1, error);
  if (all.empty()) return fmt::format("no {} in it (PEM is what is read)", noun);
  return all;
}

std::string faultOfKey(std::string_view pem, const Answer& answer) {
  // The decoders report no end as the readers of certificates do.
  const bool absent = pem.find(" PRIVATE KEY-----") == std::string_view::npos;
  const std::string error = takeErrors();
  if (answer.asked && answer.passphrase.empty())
    return "the key is encrypted; name a password_file";
  if (answer.asked) return "the passphrase is wrong";
  if (absent) return "no private key in it (PEM is what is read)";
  return "the private key in it is broken: " + error;
}

}  // namespace

Result<std::vector<CertificatePtr>> parseCertificates(std::string_view pem) {
  return parseAll<CertificatePtr>(pem, PEM_read_bio_X509, "certificate");
}

Result<std::vector<RevocationsPtr>> parseRevocations(std::string_view pem) {
  return parseAll<RevocationsPtr>(pem, PEM_read_bio_X509_CRL, "revocation list");
}

Result<KeyPtr> parseKey(std::string_view pem, std::string_view passphrase) {
  ERR_clear_error();
  const BioPtr bio = open(pem);
  Answer answer{passphrase};
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, Answer::give, &answer));
  if (key == nullptr) return faultOfKey(pem, answer);
  ERR_clear_error();
  return key;
}

}  // namespace oxbow::tls
