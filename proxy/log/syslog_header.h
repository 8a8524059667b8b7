#pragma once

#include <string>

#include "proxy/base/clock.h"
#include "proxy/log/destination.h"

namespace oxbow::log {

// What stands in front of a message to syslog that is written at that time, with its space behind.
std::string syslogHeader(const SyslogHeader& header, WallTime now, const std::string& host,
                         int pid);

}  // namespace oxbow::log
