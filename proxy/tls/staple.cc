#include "proxy/tls/staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <memory>

#include "proxy/tls/handle.h"
#include "proxy/tls/material.h"

namespace oxbow::tls {

namespace {

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>>;

// Its serial number and its issuer's name tell a certificate from all others; the hash of the
// issuer's key would need the issuer's certificate, which may not be at hand.
bool isFor(const OCSP_CERTID& id, const X509& certificate) {
  ASN1_OCTET_STRING* nameHash = nullptr;
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(&nameHash, &algorithm, nullptr, &serial, const_cast<OCSP_CERTID*>(&id));
  if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(&certificate)) != 0) return false;
  const EVP_MD* hash = EVP_get_digestbyobj(algorithm);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (hash == nullptr ||
      X509_NAME_digest(X509_get_issuer_name(&certificate), hash, bytes, &size) != 1)
    return false;
  const std::string_view expected(reinterpret_cast<const char*>(bytes), size);
  const std::string_view actual(reinterpret_cast<const char*>(ASN1_STRING_get0_data(nameHash)),
                                static_cast<size_t>(ASN1_STRING_length(nameHash)));
  return actual == expected;
}

OCSP_SINGLERESP* findFor(OCSP_BASICRESP& basic, const X509& certificate) {
  for (int i = 0; i < OCSP_resp_count(&basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(&basic, i);
    if (isFor(*OCSP_SINGLERESP_get0_id(single), certificate)) return single;
  }
  return nullptr;
}

struct Verdict {
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  std::optional<WallTime> from;
  std::optional<WallTime> until;
};

Verdict verdictOf(OCSP_SINGLERESP& single) {
  Verdict verdict;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  verdict.status = OCSP_single_get0_status(&single, nullptr, nullptr, &from, &until);
  if (from != nullptr) verdict.from = wallTimeOf(*from);
  if (until != nullptr) verdict.until = wallTimeOf(*until);
  return verdict;
}

// Empty: nothing is wrong.
std::string faultOf(const Verdict& verdict, WallTime now) {
  if (verdict.status == V_OCSP_CERTSTATUS_REVOKED) return "it says that the certificate is revoked";
  if (verdict.status != V_OCSP_CERTSTATUS_GOOD) return "it does not know the certificate";
  if (!verdict.from || *verdict.from > now) return "it is not valid yet";
  if (verdict.until && *verdict.until <= now) return "it has expired";
  return "";
}

BasicPtr parseBasic(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
  BasicPtr basic(response != nullptr ? OCSP_response_get1_basic(response.get()) : nullptr);
  ERR_clear_error();
  return basic;
}

}  // namespace

Result<Staple> Staple::parse(std::string der, const X509& certificate, WallTime now) {
  const BasicPtr basic = parseBasic(der);
  if (basic == nullptr) return std::string("no OCSP response in it (DER is what is read)");
  OCSP_SINGLERESP* single = findFor(*basic, certificate);
  if (single == nullptr) return std::string("it is for another certificate");
  const Verdict verdict = verdictOf(*single);
  if (std::string fault = faultOf(verdict, now); !fault.empty()) return fault;
  return Staple(std::move(der), verdict.until);
}

}  // namespace oxbow::tls
