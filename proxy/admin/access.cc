// Who may ask the admin address.

#include <algorithm>
#include <string_view>

#include "proxy/admin/admin_handler.h"
#include "proxy/admin/host_check.h"
#include "proxy/codec/http/field.h"

namespace oxbow::admin {

namespace {

// Takes as long wherever the two differ: how far a guess was right must not show.
bool isSame(std::string_view guess, std::string_view token) {
  if (token.empty()) return false;
  size_t difference = guess.size() ^ token.size();
  for (size_t i = 0; i < guess.size(); ++i)
    difference |= static_cast<unsigned char>(guess[i] ^ token[i % token.size()]);
  return difference == 0;
}

}  // namespace

// Only HTTP/1.0 can be without Host, and no browser speaks that; in HTTP/1.1 the codec wants one.
bool AdminAccess::trustsHost(const http::RequestHead& head) const {
  if (head.authority.empty()) return head.version == http::Version::Http10;
  if (namesLoopback(head.authority)) return true;
  return isRemote && (namesAddress(head.authority) || namesOneOf(head.authority, hosts));
}

// A browser tells of every POST which page it comes from (RFC 6454, section 7.3): only this
// address's own page may change something. What is no browser tells nothing.
bool AdminAccess::trustsOrigin(const http::RequestHead& head) const {
  for (const http::Field* field = head.fields.begin(); field != head.fields.end_(); ++field) {
    if (!http::equalsIgnoreCase(head.fields.nameAt(*field), "Origin")) continue;
    const std::string_view origin = head.fields.valueAt(*field);
    const size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;  // "null"
    if (!http::equalsIgnoreCase(origin.substr(scheme + 3), head.authority)) return false;
  }
  return true;
}

// RFC 6750, section 2.1.
bool AdminAccess::trustsToken(const http::RequestHead& head) const {
  constexpr std::string_view kScheme = "Bearer ";
  size_t lines = 0;
  std::string_view value;
  for (const http::Field* field = head.fields.begin(); field != head.fields.end_(); ++field) {
    if (!http::equalsIgnoreCase(head.fields.nameAt(*field), "Authorization")) continue;
    ++lines;
    value = head.fields.valueAt(*field);
  }
  if (lines != 1 || value.size() <= kScheme.size()) return false;
  if (!http::equalsIgnoreCase(value.substr(0, kScheme.size()), kScheme)) return false;
  value.remove_prefix(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
  return isSame(value, token);
}

}  // namespace oxbow::admin
