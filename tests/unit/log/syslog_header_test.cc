#include "proxy/log/syslog_header.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

using Form = SyslogHeader::Form;

// 29 February 2000, 12:34:56.007008 UTC
const WallTime kNow(951827696s + 7008us);

std::string header(const SyslogHeader& of, WallTime now = kNow) {
  return syslogHeader(of, now, "host-1", 77);
}

}  // namespace

TEST_CASE("RFC 5424: priority, version, UTC with microseconds, host, tag, process, kind") {
  CHECK(header({}) == "<190>1 2000-02-29T12:34:56.007008Z host-1 oxbow 77 access - ");
  CHECK(header({.facility = 0, .severity = 0, .tag = "x"}) ==
        "<0>1 2000-02-29T12:34:56.007008Z host-1 x 77 access - ");
}

TEST_CASE("RFC 3164 has the host, syslog(3)'s form does not; a day of one digit has a space") {
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK(header({.form = Form::Rfc3164}) == "<190>Feb 29 12:34:56 host-1 oxbow[77]: ");
  CHECK(header({.form = Form::Local}, WallTime(0s)) == "<190>Jan  1 00:00:00 oxbow[77]: ");
}
