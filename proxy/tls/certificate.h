#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace oxbow::tls {

// The subject as in RFC 2253, in UTF-8: "CN=a.example,O=Example".
std::string subjectOf(const X509& certificate);

// The host names that it is for, as patterns (tls/host_name.h), each once: its alternative names of
// the kind DNS, or its common name when it has none (RFC 6125, section 6.4.4). What is no pattern
// is left out.
std::vector<std::string> hostNamesOf(const X509& certificate);

}  // namespace oxbow::tls
