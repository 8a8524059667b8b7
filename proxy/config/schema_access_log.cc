#include "proxy/config/schema.h"

namespace oxbow::config::schema {

namespace {

std::vector<Key> accessLogKeys() {
  return {
      {.name = "path",
       .type = Type::String,
       .defaultText = "stdout",
       .meaning = "`stdout`, `stderr`, the path of a file, `unix:/path` of a socket, or `syslog` "
                  "and what belongs to it.",
       .example = "/var/log/oxbow/access.log",
       .nginx = "access_log"},
      {.name = "format",
       .type = Type::Choice,
       .defaultText = "json",
       .choices = {"json", "text", "combined"},
       .meaning = "A JSON object a line, plain text, or nginx's and Apache's combined format.",
       .example = "text",
       .nginx = "log_format"},
      {.name = "keys",
       .type = Type::StringList,
       .defaultText = "none",
       .meaning = "The fields to write, in this order; not with `combined`. Without it, all.",
       .example = "[ time, status, total_ms ]",
       .nginx = "log_format"},
      {.name = "sample",
       .typeName = "number, 0.000001 to 1",
       .defaultText = "1",
       .meaning = "The part of the requests that is written. Those with status 500 or over, or "
                  "with an error, always are.",
       .example = "0.1",
       .nginx = "split_clients"},
      {.name = "errors",
       .typeName = "boolean or status",
       .defaultText = "off",
       .meaning = "Write only what failed: with this status or over, or with an error. `on` is "
                  "400.",
       .example = "500",
       .nginx = "-"},
      {.name = "slow",
       .type = Type::Duration,
       .defaultText = "0s",
       .max = kMaxDuration,
       .meaning = "Write only what took this long in all; with `errors` too, what is either. "
                  "`0s`: off.",
       .example = "500ms",
       .nginx = "-"},
  };
}

}  // namespace

const Block& accessLog() {
  static const Block block{.name = "listeners[].access_log", .keys = accessLogKeys()};
  return block;
}

}  // namespace oxbow::config::schema
