#include "proxy/log/syslog_header.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <string_view>

namespace oxbow::log {

namespace {

constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

// RFC 3164, section 4.1.2: local time, without a year.
std::string localTime(time_t seconds) {
  tm local;
  localtime_r(&seconds, &local);
  return fmt::format("{} {:2} {:02}:{:02}:{:02}",
                     kMonths.substr(3 * static_cast<size_t>(local.tm_mon), 3), local.tm_mday,
                     local.tm_hour, local.tm_min, local.tm_sec);
}

std::string isoTime(time_t seconds, int64_t micros) {
  tm utc;
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, micros);
}

}  // namespace

std::string syslogHeader(const SyslogHeader& header, WallTime now, const std::string& host,
                         int pid) {
  using std::chrono::microseconds;
  const int64_t micros = std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(micros / 1'000'000);
  const int priority = header.facility * 8 + header.severity;
  switch (header.form) {
    case SyslogHeader::Form::Rfc5424:
      return fmt::format("<{}>1 {} {} {} {} access - ", priority,
                         isoTime(seconds, micros % 1'000'000), host, header.tag, pid);
    case SyslogHeader::Form::Rfc3164:
      return fmt::format("<{}>{} {} {}[{}]: ", priority, localTime(seconds), host, header.tag, pid);
    case SyslogHeader::Form::Local:
      return fmt::format("<{}>{} {}[{}]: ", priority, localTime(seconds), header.tag, pid);
  }
  return {};
}

}  // namespace oxbow::log
