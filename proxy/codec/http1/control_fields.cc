#include "proxy/codec/http1/control_fields.h"

#include "proxy/codec/http/spelling.h"

namespace oxbow::http1 {

namespace {

constexpr std::string_view kControlNames[] = {
    "age",
    "alt-svc",
    "clear-site-data",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "expires",
    "location",
    "max-forwards",
    "pragma",
    "range",
    "retry-after",
    "vary",
    "warning",
};

// Conditions (If-*) and everything for or by proxies (Proxy-*) but what Name knows already.
bool hasControlPrefix(std::string_view name) {
  if (name.size() > 3 && http::spells(name.substr(0, 3), "if-")) return true;
  return name.size() > 6 && http::spells(name.substr(0, 6), "proxy-");
}

}  // namespace

bool isControlField(http::Name id, std::string_view name) {
  if (id != http::Name::Other || hasControlPrefix(name)) return true;
  for (const std::string_view control : kControlNames)
    if (http::equalsIgnoreCase(control, name)) return true;
  return false;
}

}  // namespace oxbow::http1
