#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/tls/handle.h"

// Texts in PEM (RFC 7468). Other blocks and the text between them are passed over; nothing ever
// asks for a passphrase on the terminal. Errors are in plain words, without the file's name.

namespace oxbow::tls {

// At least one, in their order.
Result<std::vector<CertificatePtr>> parseCertificates(std::string_view pem);
Result<std::vector<RevocationsPtr>> parseRevocations(std::string_view pem);

// The first private key: PKCS#8 or the older formats of RSA and EC. An empty passphrase: none.
Result<KeyPtr> parseKey(std::string_view pem, std::string_view passphrase);

}  // namespace oxbow::tls
