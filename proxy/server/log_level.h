#pragma once

#include "proxy/config/config.h"
#include "proxy/log/log.h"

namespace oxbow::server {

constexpr log::Level levelOf(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug:
      return log::Level::Debug;
    case config::LogLevel::Info:
      return log::Level::Info;
    case config::LogLevel::Warn:
      return log::Level::Warn;
    case config::LogLevel::Error:
      break;
  }
  return log::Level::Error;
}

}  // namespace oxbow::server
