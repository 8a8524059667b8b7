#include "proxy/config/log_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/problem.h"
#include "proxy/config/suggest.h"

namespace oxbow::config {

namespace {

using log::Destination;
using Form = log::SyslogHeader::Form;
using Words = std::vector<std::string_view>;

constexpr std::string_view kSyslog = "syslog";
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kDevLog = "unix:/dev/log";
constexpr uint16_t kSyslogPort = 514;
constexpr size_t kMaxTag = 48;  // RFC 5424, section 6

// RFC 5424, section 6.2.1, in the words of syslog.conf and of nginx.
const Words kFacilities = {"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                           "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                           "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
                           "local2", "local3", "local4", "local5", "local6",   "local7"};
const Words kSeverities = {"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"};
const Words kForms = {"rfc5424", "rfc3164", "local"};
const Words kParameters = {"server", "facility", "severity", "tag", "format"};

Fault unknownWord(std::string_view what, std::string_view word, const Words& words) {
  return {fmt::format("{} {} is not one of {}", what, quoted(word), fmt::join(words, ", ")),
          suggest(word, words)};
}

// Where `word` stands in `words`, into `out`.
template <typename T>
std::optional<Fault> readWord(std::string_view what, std::string_view word, const Words& words,
                              T& out) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return unknownWord(what, word, words);
  out = static_cast<T>(found - words.begin());
  return std::nullopt;
}

// "127.0.0.1", "[::1]:514" or "unix:/dev/log".
std::optional<Fault> readServer(std::string_view text, SocketAddress& out) {
  auto address = SocketAddress::parseIp(text, kSyslogPort);
  if (!address) address = SocketAddress::parse(text);
  if (!address || (!address.value().isUnix() && address.value().port() == 0))
    return Fault{
        fmt::format("server {} is neither an IP address with a port nor unix:/path", quoted(text)),
        {}};
  out = address.value();
  return std::nullopt;
}

std::optional<Fault> readTag(std::string_view text, std::string& out) {
  const auto isGood = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (text.empty() || text.size() > kMaxTag || !std::all_of(text.begin(), text.end(), isGood))
    return Fault{
        fmt::format("tag {} is not 1 to {} letters, digits, _, - or .", quoted(text), kMaxTag), {}};
  out = text;
  return std::nullopt;
}

struct SyslogReader {
  Destination out;
  Words seen;

  std::optional<Fault> parameter(std::string_view text) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (std::find(kParameters.begin(), kParameters.end(), name) == kParameters.end())
      return name == "nohostname" ? Fault{"unknown parameter \"nohostname\"", "format=local"}
                                  : unknownWord("parameter", name, kParameters);
    if (equals == std::string_view::npos || equals + 1 == text.size())
      return Fault{fmt::format("parameter {} has no value", quoted(name)), {}};
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      return Fault{fmt::format("parameter {} stands here twice", quoted(name)), {}};
    seen.push_back(name);
    return value(name, text.substr(equals + 1));
  }

  std::optional<Fault> value(std::string_view name, std::string_view text) {
    if (name == "server") return readServer(text, out.address);
    if (name == "facility") return readWord(name, text, kFacilities, out.syslog.facility);
    if (name == "severity") return readWord(name, text, kSeverities, out.syslog.severity);
    if (name == "format") return readWord(name, text, kForms, out.syslog.form);
    return readTag(text, out.syslog.tag);
  }

  bool has(std::string_view name) const {
    return std::find(seen.begin(), seen.end(), name) != seen.end();
  }
};

// Who reads /dev/log (journald, rsyslog) knows the form of syslog(3) only.
Result<Destination, Fault> parseSyslog(std::string_view path) {
  SyslogReader reader;
  reader.out.kind = Destination::Kind::Syslog;
  reader.out.path = path;
  reader.out.address = SocketAddress::parse(kDevLog).value();
  std::string_view rest = path.substr(std::min(path.size(), kSyslog.size() + 1));
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    if (auto fault = reader.parameter(rest.substr(0, comma))) return *fault;
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  const bool isDevLog = reader.out.address == SocketAddress::parse(kDevLog).value();
  if (isDevLog && !reader.has("format")) reader.out.syslog.form = Form::Local;
  return reader.out;
}

}  // namespace

Result<Destination, Fault> parseLogTarget(std::string_view path) {
  if (path == kSyslog || path.substr(0, kSyslog.size() + 1) == "syslog:") return parseSyslog(path);
  Destination out;
  out.path = path;
  if (path.substr(0, kUnix.size()) == kUnix) {
    const auto address = SocketAddress::parse(path);
    if (!address) return Fault{address.error(), {}};
    out.kind = Destination::Kind::Socket;
    out.address = address.value();
    return out;
  }
  if (path == "stdout" || path == "stderr") return out;
  // A name without a slash is more often a slip of the finger than a file.
  if (path.find('/') == std::string_view::npos)
    return Fault{
        fmt::format("{} is neither stdout, stderr, syslog nor a path with a slash", quoted(path)),
        suggest(path, {"stdout", "stderr", kSyslog})};
  return out;
}

}  // namespace oxbow::config
