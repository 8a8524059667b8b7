#include "proxy/net/transport.h"

namespace oxbow::net {

std::string_view textOf(CertificateFault fault) {
  constexpr std::string_view kTexts[] = {"none",       "expired",    "not_yet_valid", "self_signed",
                                         "unknown_ca", "wrong_name", "revoked",       "other"};
  static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == static_cast<size_t>(CertificateFault::Count));
  return kTexts[static_cast<size_t>(fault)];
}

}  // namespace oxbow::net
