#include "proxy/tls/client_hello.h"

#include <cstddef>
#include <cstdint>

namespace oxbow::tls {

namespace {

constexpr size_t kHeader = 5;  // length of the list, type, length of the name

size_t number16(std::string_view bytes, size_t at) {
  return static_cast<size_t>(static_cast<uint8_t>(bytes[at])) << 8 |
         static_cast<uint8_t>(bytes[at + 1]);
}

}  // namespace

std::optional<std::string_view> parseServerName(std::string_view extension) {
  if (extension.size() <= kHeader) return std::nullopt;
  const std::string_view name = extension.substr(kHeader);
  const bool fits = number16(extension, 0) == extension.size() - 2 &&
                    extension[2] == TLSEXT_NAMETYPE_host_name &&
                    number16(extension, 3) == name.size();
  // OpenSSL refuses a NUL too, but later, when a context has been chosen.
  if (!fits || name.find('\0') != name.npos) return std::nullopt;
  return name;
}

std::optional<std::string_view> serverNameOf(SSL& ssl) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(&ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1)
    return std::string_view();
  return parseServerName({reinterpret_cast<const char*>(bytes), size});
}

}  // namespace oxbow::tls
