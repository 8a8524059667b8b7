#include "proxy/tls/material.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <ctime>

#include "proxy/base/assert.h"

namespace oxbow::tls {

namespace {

using DigestPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// Its length goes first, so that no byte can slip from one part into the next.
bool addPart(EVP_MD_CTX& hash, std::string_view part) {
  const uint64_t length = part.size();
  return EVP_DigestUpdate(&hash, &length, sizeof length) == 1 &&
         EVP_DigestUpdate(&hash, part.data(), part.size()) == 1;
}

}  // namespace

Digest digestOf(std::initializer_list<std::string_view> parts) {
  const DigestPtr hash(EVP_MD_CTX_new());
  ASSERT(hash != nullptr && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1);
  for (const std::string_view part : parts) ASSERT(addPart(*hash, part));
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  ASSERT(EVP_DigestFinal_ex(hash.get(), bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

WallTime wallTimeOf(const ASN1_TIME& time) {
  using std::chrono::seconds;
  // "No end" is the year 9999 (RFC 5280, section 4.1.2.5); nanoseconds reach to 2262.
  constexpr auto kLast = std::chrono::floor<seconds>(WallTime::max()).time_since_epoch();
  tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return WallTime{};
  return WallTime(std::min(seconds(timegm(&parts)), kLast));
}

Duration timeLeft(const X509& certificate, WallTime now) {
  return wallTimeOf(*X509_get0_notAfter(&certificate)) - now;
}

std::string takeErrors() {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace oxbow::tls
