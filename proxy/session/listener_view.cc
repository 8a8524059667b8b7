#include "proxy/session/listener_view.h"

#include <fmt/format.h>

#include "proxy/base/assert.h"
#include "proxy/codec/http1/serializer.h"

namespace oxbow::session {

namespace {

constexpr size_t kOwnFields = 512;  // room for those that every request gets

std::string hstsLine(const config::ListenerTls& tls) {
  if (*tls.hstsMaxAge == Duration(0)) return {};
  std::string line = fmt::format(
      "{}: max-age={}{}{}\r\n", kHsts, *tls.hstsMaxAge / std::chrono::seconds(1),
      *tls.hstsSubdomains ? "; includeSubDomains" : "", *tls.hstsPreload ? "; preload" : "");
  ASSERT(line.size() <= http1::kMostMore);
  return line;
}

}  // namespace

ListenerView::ListenerView(const config::Listener& c, ExchangeHandler& h, Pins& p, size_t editBytes)
    : config(c), handler(h), pins(p), addedBytes(kOwnFields + editBytes), hsts(hstsLine(c.tls)) {
  limits.fieldBytes = static_cast<uint32_t>(*c.largeClientHeaderBuffers);
  limits.fieldCount = static_cast<uint16_t>(*c.maxHeaders);
  limits.keepUnderscores = *c.underscoresInHeaders;
}

}  // namespace oxbow::session
