#include "proxy/tls/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace oxbow::tls {

namespace {

int keyLog = -1;

// One write(2) a line: lines of several threads do not mix in a file opened to append.
void writeLine(const SSL*, const char* line) {
  std::string text(line);
  text += '\n';
  const ssize_t written = ::write(keyLog, text.data(), text.size());
  OPENSSL_cleanse(text.data(), text.size());
  (void)written;  // a full disk costs the line, not the connection
}

}  // namespace

std::optional<std::string> logKeysTo(const std::string& file) {
  keyLog = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (keyLog >= 0) return std::nullopt;
  return "cannot log keys to " + file + ": " + std::strerror(errno);
}

void applyKeyLog(SSL_CTX& context) {
  if (keyLog >= 0) SSL_CTX_set_keylog_callback(&context, writeLine);
}

}  // namespace oxbow::tls
