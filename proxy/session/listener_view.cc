#include "proxy/session/listener_view.h"

namespace oxbow::session {

namespace {
constexpr size_t kOwnFields = 512;  // room for those that every request gets
}  // namespace

ListenerView::ListenerView(const config::Listener& c, ExchangeHandler& h, Pins& p, size_t editBytes,
                           log::AccessLogWriter* log)
    : config(c), handler(h), pins(p), accessLog(log), addedBytes(kOwnFields + editBytes) {
  limits.fieldBytes = static_cast<uint32_t>(*c.largeClientHeaderBuffers);
  limits.fieldCount = static_cast<uint16_t>(*c.maxHeaders);
  limits.keepUnderscores = *c.underscoresInHeaders;
}

}  // namespace oxbow::session
