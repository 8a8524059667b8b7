#include "proxy/route/value_template.h"

#include <algorithm>

#include "proxy/base/bytes.h"

namespace oxbow::route {

namespace {

constexpr bool isAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "$host" of "$host/a": as long as the validator takes a name to be.
std::string_view nameAt(std::string_view text) {
  size_t end = 1;
  while (end < text.size() && (isAlphanumeric(text[end]) || text[end] == '_')) ++end;
  return text.substr(0, end);
}

// Whether a byte of a value stands for itself. Those of a host are fewer.
bool isPlain(std::string_view value, size_t at, bool isHost) {
  const char c = value[at];
  if (isHost) return isAlphanumeric(c) || c == '-' || c == '.' || c == '_';
  if (c == ' ') return at != 0 && at + 1 != value.size();
  return c > ' ' && c <= '~' && c != '%';
}

size_t encodedSize(std::string_view value, bool isHost) {
  size_t sum = 0;
  for (size_t at = 0; at < value.size(); ++at) sum += isPlain(value, at, isHost) ? 1 : 3;
  return sum;
}

char* writeEncoded(char* out, std::string_view value, bool isHost) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (size_t at = 0; at < value.size(); ++at) {
    if (isPlain(value, at, isHost)) {
      *out++ = value[at];
      continue;
    }
    const auto byte = static_cast<unsigned char>(value[at]);
    *out++ = '%';
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
  return out;
}

}  // namespace

ValueTemplate::ValueTemplate(std::string_view text) {
  while (!text.empty()) {
    const std::string_view name = nameAt(text);
    const Kind kind = kindOf(name);
    if (kind != Kind::Literal) {
      parts_.push_back({kind, {}});
      ++(isOfTls(kind) ? ofTls_ : plain_);
      text.remove_prefix(name.size());
      continue;
    }
    const size_t end = std::min(text.find('$', 1), text.size());
    parts_.push_back({Kind::Literal, std::string(text.substr(0, end))});
    literal_ += end;
    text.remove_prefix(end);
  }
}

ValueTemplate::Kind ValueTemplate::kindOf(std::string_view name) {
  constexpr std::pair<std::string_view, Kind> kNames[] = {
      {"$request_id", Kind::RequestId},
      {"$remote_addr", Kind::RemoteAddr},
      {"$host", Kind::Host},
      {"$scheme", Kind::Scheme},
      {"$ssl_protocol", Kind::Protocol},
      {"$ssl_cipher", Kind::Cipher},
      {"$ssl_server_name", Kind::ServerName},
      {"$ssl_session_reused", Kind::SessionReused},
      {"$ssl_client_verify", Kind::ClientVerify},
      {"$ssl_client_s_dn", Kind::ClientSubject},
      {"$ssl_client_fingerprint", Kind::ClientFingerprint},
  };
  for (const auto& [known, kind] : kNames)
    if (name == known) return kind;
  return Kind::Literal;
}

std::string_view ValueTemplate::valueOf(const Part& part, const Variables& variables) {
  switch (part.kind) {
    case Kind::Literal:
      return part.text;
    case Kind::RequestId:
      return variables.requestId;
    case Kind::RemoteAddr:
      return variables.remoteAddr;
    case Kind::Host:
      return variables.host;
    case Kind::Scheme:
      return variables.scheme;
    default:
      return variables.tls == nullptr ? std::string_view() : tlsValueOf(part.kind, *variables.tls);
  }
}

std::string_view ValueTemplate::tlsValueOf(Kind kind, const net::TlsFacts& tls) {
  switch (kind) {
    case Kind::Protocol:
      return tls.version();
    case Kind::Cipher:
      return tls.cipher();
    case Kind::ServerName:
      return tls.serverName();
    case Kind::SessionReused:
      return tls.resumed() ? "r" : ".";
    case Kind::ClientVerify:
      return tls.clientVerify();
    case Kind::ClientSubject:
      return tls.clientSubject();
    case Kind::ClientFingerprint:
      return tls.clientFingerprint();
    default:
      return {};
  }
}

size_t ValueTemplate::tlsBytes(const net::TlsFacts& tls) const {
  if (ofTls_ == 0) return 0;
  size_t sum = 0;
  for (const Part& part : parts_)
    if (isOfTls(part.kind))
      sum += encodedSize(tlsValueOf(part.kind, tls), part.kind == Kind::ServerName);
  return sum;
}

size_t ValueTemplate::size(const Variables& variables) const {
  size_t sum = literal_;
  for (const Part& part : parts_)
    if (part.kind != Kind::Literal && !isOfTls(part.kind)) sum += valueOf(part, variables).size();
  return variables.tls == nullptr ? sum : sum + tlsBytes(*variables.tls);
}

char* ValueTemplate::write(char* out, const Variables& variables) const {
  for (const Part& part : parts_) {
    const std::string_view value = valueOf(part, variables);
    out = isOfTls(part.kind) ? writeEncoded(out, value, part.kind == Kind::ServerName)
                             : append(out, value);
  }
  return out;
}

}  // namespace oxbow::route
