#include "proxy/codec/http/date_line.h"

#include <algorithm>
#include <ctime>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"

namespace oxbow::http {

namespace {

// Not strftime's, which follow the locale.
constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

std::string_view third(std::string_view names, int index) {
  return names.substr(static_cast<size_t>(index) * 3, 3);
}

char* appendTime(char* out, const tm& utc) {
  out = append(writePadded(out, static_cast<uint64_t>(utc.tm_hour), 2), ':');
  out = append(writePadded(out, static_cast<uint64_t>(utc.tm_min), 2), ':');
  return writePadded(out, static_cast<uint64_t>(utc.tm_sec), 2);
}

char* appendDay(char* out, const tm& utc) {
  out = append(append(out, third(kDays, utc.tm_wday)), ", ");
  out = append(writePadded(out, static_cast<uint64_t>(utc.tm_mday), 2), ' ');
  out = append(append(out, third(kMonths, utc.tm_mon)), ' ');
  return writePadded(out, static_cast<uint64_t>(utc.tm_year + 1900), 4);
}

}  // namespace

void DateLine::renew(TimePoint now, WallTime wall) {
  using std::chrono::seconds;
  const auto second = std::chrono::floor<seconds>(std::max(wall, WallTime{}));
  until_ = now + (second + seconds(1) - wall);
  const auto since = static_cast<time_t>(second.time_since_epoch().count());
  tm utc;
  gmtime_r(&since, &utc);
  char* end = append(line_, "Date: ");
  end = append(appendDay(end, utc), ' ');
  end = append(appendTime(end, utc), " GMT\r\n");
  ASSERT(end == line_ + kSize);
}

}  // namespace oxbow::http
