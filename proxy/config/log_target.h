#pragma once

#include <string_view>

#include "proxy/config/units.h"
#include "proxy/log/destination.h"

namespace oxbow::config {

// The `path` of an access log: "stdout", "stderr", a path with a slash, "unix:/path", "syslog", or
// "syslog:" and parameters between commas, as nginx has them: server, facility, severity, tag, and
// format. Nothing is opened.
Result<log::Destination, Fault> parseLogTarget(std::string_view path);

}  // namespace oxbow::config
