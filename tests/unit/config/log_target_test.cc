#include "proxy/config/log_target.h"

#include <doctest/doctest.h>

#include <string>

namespace oxbow::config {

using log::Destination;
using Form = log::SyslogHeader::Form;

namespace {

Destination target(const std::string& path) {
  const auto parsed = parseLogTarget(path);
  REQUIRE(parsed.ok());
  CHECK(parsed.value().path == path);
  return parsed.value();
}

std::string faultOf(const std::string& path) {
  const auto parsed = parseLogTarget(path);
  REQUIRE_FALSE(parsed.ok());
  const Fault& fault = parsed.error();
  return fault.suggestion.empty() ? fault.message : fault.message + " -> " + fault.suggestion;
}

}  // namespace

TEST_CASE("files and sockets are told by how they begin") {
  for (const char* path : {"stdout", "stderr", "/var/log/x", "./x", "log/unix:x"})
    CHECK(target(path).kind == Destination::Kind::File);
  const Destination socket = target("unix:/run/log.sock");
  CHECK(socket.kind == Destination::Kind::Socket);
  CHECK(socket.address.text() == "unix:/run/log.sock");
  CHECK(faultOf("stdot") ==
        "\"stdot\" is neither stdout, stderr, syslog nor a path with a slash -> stdout");
  CHECK(faultOf("sylog") ==
        "\"sylog\" is neither stdout, stderr, syslog nor a path with a slash -> syslog");
  CHECK_FALSE(faultOf("unix:").empty());
  CHECK_FALSE(faultOf("unix:/" + std::string(200, 'x')).empty());
}

TEST_CASE("syslog goes to /dev/log, in the form that is read there") {
  for (const char* path : {"syslog", "syslog:", "syslog:server=unix:/dev/log"}) {
    CAPTURE(path);
    const Destination to = target(path);
    CHECK(to.kind == Destination::Kind::Syslog);
    CHECK(to.address.text() == "unix:/dev/log");
    CHECK(to.syslog.form == Form::Local);
    CHECK(to.syslog.facility == 23);
    CHECK(to.syslog.severity == 6);
    CHECK(to.syslog.tag == "oxbow");
  }
  CHECK(target("syslog:format=rfc5424").syslog.form == Form::Rfc5424);
}

TEST_CASE("syslog's parameters are nginx's") {
  const Destination to =
      target("syslog:server=127.0.0.1:5140,facility=daemon,severity=notice,tag=edge-1");
  CHECK(to.address.text() == "127.0.0.1:5140");
  CHECK(to.syslog.form == Form::Rfc5424);
  CHECK(to.syslog.facility == 3);
  CHECK(to.syslog.severity == 5);
  CHECK(to.syslog.tag == "edge-1");
  CHECK(target("syslog:server=127.0.0.1").address.text() == "127.0.0.1:514");
  CHECK(target("syslog:server=::1").address.text() == "[::1]:514");
  CHECK(target("syslog:server=[::1]:515").address.text() == "[::1]:515");
  const Destination local = target("syslog:server=unix:/tmp/x,format=rfc3164,facility=kern");
  CHECK(local.address.text() == "unix:/tmp/x");
  CHECK(local.syslog.form == Form::Rfc3164);
  CHECK(local.syslog.facility == 0);
  CHECK(target("syslog:facility=local0").syslog.facility == 16);
}

TEST_CASE("what is wrong with syslog's parameters is said, with the nearest right word") {
  CHECK(faultOf("syslog:sever=127.0.0.1").find("parameter \"sever\" is not one of server, ") == 0);
  CHECK(faultOf("syslog:sever=127.0.0.1").find(" -> server") != std::string::npos);
  CHECK(faultOf("syslog:facility=local8").find(" -> local") != std::string::npos);
  CHECK(faultOf("syslog:severity=warning") ==
        "severity \"warning\" is not one of emerg, alert, crit, error, warn, notice, info, debug "
        "-> warn");
  CHECK(faultOf("syslog:format=rfc542").find(" -> rfc5424") != std::string::npos);
  CHECK(faultOf("syslog:nohostname") == "unknown parameter \"nohostname\" -> format=local");
  CHECK(faultOf("syslog:tag=") == "parameter \"tag\" has no value");
  CHECK(faultOf("syslog:tag") == "parameter \"tag\" has no value");
  CHECK(faultOf("syslog:tag=a,tag=b") == "parameter \"tag\" stands here twice");
  CHECK(faultOf("syslog:tag=a b") == "tag \"a b\" is not 1 to 48 letters, digits, _, - or .");
  CHECK_FALSE(faultOf("syslog:tag=" + std::string(49, 'x')).empty());
  CHECK(faultOf("syslog:server=log.internal:514") ==
        "server \"log.internal:514\" is neither an IP address with a port nor unix:/path");
  CHECK_FALSE(faultOf("syslog:server=127.0.0.1:0").empty());
  CHECK_FALSE(faultOf("syslog:,").empty());
}

}  // namespace oxbow::config
