#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

namespace oxbow::tls {

// Writes the secrets of every TLS connection to a file from now on, for Wireshark and the like (the
// format of SSLKEYLOGFILE): contexts that are made later do. Nobody calls this unless asked to on
// the command line. Returns what went wrong. Main thread, before there are others.
std::optional<std::string> logKeysTo(const std::string& file);

// Lets the connections of `context` tell their secrets, if that was asked for.
void applyKeyLog(SSL_CTX& context);

}  // namespace oxbow::tls
