#include "proxy/tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/tls/handle.h"
#include "proxy/tls/host_name.h"

namespace oxbow::tls {

namespace {

using AlternativesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

std::string_view textOf(const ASN1_STRING& string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&string)),
          static_cast<size_t>(ASN1_STRING_length(&string))};
}

void addName(std::vector<std::string>& names, std::string_view text) {
  auto pattern = parsePattern(text);
  if (pattern && std::find(names.begin(), names.end(), *pattern) == names.end())
    names.push_back(std::move(*pattern));
}

// False when there are none of the kind DNS.
bool addAlternatives(std::vector<std::string>& names, const X509& certificate) {
  const AlternativesPtr all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  bool any = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    any = true;
    addName(names, textOf(*name->d.dNSName));
  }
  return any;
}

void addCommonName(std::vector<std::string>& names, const X509& certificate) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return;
  addName(names, textOf(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))));
}

}  // namespace

std::string subjectOf(const X509& certificate) {
  const std::unique_ptr<BIO, Free<BIO_free>> bio(BIO_new(BIO_s_mem()));
  ASSERT(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(&certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::vector<std::string> hostNamesOf(const X509& certificate) {
  std::vector<std::string> names;
  if (!addAlternatives(names, certificate)) addCommonName(names, certificate);
  return names;
}

}  // namespace oxbow::tls
