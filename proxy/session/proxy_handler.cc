// What the proxy does to a request before it waits for a connection.

#include <cstring>

#include "proxy/base/address.h"
#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/session/answer.h"
#include "proxy/session/proxy_exchange.h"

namespace oxbow::session {

namespace {

constexpr Error kNoRoute{ErrorCode::DestinationNotFound, Side::Client, Retry::Never, 0,
                         "no route for this host and path"};
constexpr Error kDotSegments{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 400,
                             "the path has dot-segments"};
constexpr Error kTooManyEdits{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 431,
                              "no room for the fields to add"};

constexpr uint64_t kForwardedNames =
    http::bitOf(http::Name::XForwardedFor) | http::bitOf(http::Name::XForwardedHost) |
    http::bitOf(http::Name::XForwardedProto) | http::bitOf(http::Name::XForwardedOther) |
    http::bitOf(http::Name::Forwarded);

// What may be passed on and logged as it is: tokens of other tracing systems.
bool isGoodRequestId(std::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  for (const char c : id) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == ':' || c == '/' || c == '+' ||
                      c == '=';
    if (!good) return false;
  }
  return true;
}

// 16 random digits of lower-case hexadecimal.
char* writeRandomHex(char* out, uint64_t random) {
  for (int i = 0; i < 16; ++i, random >>= 4) *out++ = "0123456789abcdef"[random & 15];
  return out;
}

}  // namespace

std::string_view clientBehind(std::string_view forwardedFor, uint32_t hops, std::string_view peer) {
  std::string_view found = peer;
  for (uint32_t i = 0; i < hops; ++i) {
    const size_t comma = forwardedFor.rfind(',');
    std::string_view entry =
        comma == std::string_view::npos ? forwardedFor : forwardedFor.substr(comma + 1);
    while (!entry.empty() && (entry.front() == ' ' || entry.front() == '\t')) entry.remove_prefix(1);
    while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.remove_suffix(1);
    if (!SocketAddress::parseIp(entry, 0).ok()) break;
    found = entry;
    if (comma == std::string_view::npos) break;
    forwardedFor = forwardedFor.substr(0, comma);
  }
  return found;
}

ProxyHandler::ProxyHandler(upstream::WorkerContext& worker, const config::Listener& listener,
                           const route::RouteTable& routes,
                           const std::vector<upstream::Upstream*>& upstreams)
    : worker_(worker),
      listener_(listener),
      routes_(routes),
      upstreams_(upstreams),
      via_("1.1 " + *listener.via) {}

ProxyHandler::~ProxyHandler() = default;

void ProxyHandler::onRequest(Exchange& exchange) {
  pickRequestId(exchange);
  http::RequestHead& head = exchange.request();
  // The asterisk form has no path; it asks about the server as a whole.
  const std::string_view path = head.path == "*" ? std::string_view("/") : head.path;
  const route::Route* route = routes_.match(head.authority, path);
  if (route == nullptr) return exchange.onReset(kNoRoute);
  if (head.dotSegments && !*route->config->allowDotSegments) return exchange.onReset(kDotSegments);
  if (route->config->fixed) return answerFixed(exchange, *route->config->fixed);
  std::string_view clientIp = exchange.clientIp();
  if (*listener_.trustedHops > 0)
    clientIp = clientBehind(head.fields.value(http::Name::XForwardedFor), *listener_.trustedHops,
                            clientIp);
  if (!editForwarded(exchange) || !editRequest(exchange, *route, clientIp))
    return exchange.onReset(kTooManyEdits);
  upstream::Upstream& upstream = *upstreams_[static_cast<size_t>(route->upstream)];
  exchanges_.make(*this, exchange, *route, upstream, clientIp)->start();
}

void ProxyHandler::pickRequestId(Exchange& exchange) {
  http::FieldBlock& fields = exchange.request().fields;
  if (fields.has(http::Name::XRequestId)) {
    const std::string_view received = fields.value(http::Name::XRequestId);
    if (isGoodRequestId(received)) return exchange.setRequestId(received);
    fields.drop(http::Name::XRequestId);
  }
  char id[32];
  writeRandomHex(writeRandomHex(id, worker_.random.next()), worker_.random.next());
  exchange.setRequestId({id, sizeof id});
  // First of the added fields: there is always room for it.
  if (!exchange.addRequestField("X-Request-ID", exchange.requestId())) ASSERT(false);
}

void ProxyHandler::answerFixed(Exchange& exchange, const config::FixedReturn& fixed) {
  Answer answer;
  answer.status = *fixed.status;
  answer.body = *fixed.body;
  answer.contentType = *fixed.contentType;
  answer.location = *fixed.location;
  sendAnswer(exchange, answer);
}

// X-Forwarded-*: what an untrusted client says of itself is replaced, what trusted hops say is
// carried on.
bool ProxyHandler::editForwarded(Exchange& exchange) {
  http::RequestHead& head = exchange.request();
  http::FieldBlock& fields = head.fields;
  const bool trusted = *listener_.trustedHops > 0;
  if (!trusted && fields.hasAny(kForwardedNames)) {
    for (const auto name : {http::Name::XForwardedFor, http::Name::XForwardedHost,
                            http::Name::XForwardedProto, http::Name::XForwardedOther,
                            http::Name::Forwarded})
      fields.drop(name);
  }
  bool fits = true;
  if (*listener_.xForwardedFor) {
    if (trusted && fields.has(http::Name::XForwardedFor)) {
      Block joined = worker_.blocks.take(http::kMaxHeadBytes);
      char* end = joined.data();
      for (uint16_t i = 0; i < fields.count; ++i) {
        const http::Field& field = fields.fields[i];
        if (field.name() != http::Name::XForwardedFor || field.dropped()) continue;
        end = append(append(end, fields.valueAt(field)), ", ");
      }
      end = append(end, exchange.clientIp());
      fields.drop(http::Name::XForwardedFor);
      fits &= exchange.addRequestField(
          "X-Forwarded-For", {joined.data(), static_cast<size_t>(end - joined.data())});
    } else {
      fits &= exchange.addRequestField("X-Forwarded-For", exchange.clientIp());
    }
  }
  if (*listener_.xForwardedProto && fields.find(http::Name::XForwardedProto) == nullptr)
    fits &= exchange.addRequestField("X-Forwarded-Proto", exchange.scheme());
  if (*listener_.xForwardedHost && fields.find(http::Name::XForwardedHost) == nullptr &&
      !head.authority.empty())
    fits &= exchange.addRequestField("X-Forwarded-Host", head.authority);
  return fits;
}

bool ProxyHandler::editRequest(Exchange& exchange, const route::Route& route,
                               std::string_view clientIp) {
  http::RequestHead& head = exchange.request();
  bool fits = true;
  if (!listener_.via->empty()) {
    fits &= head.version == http::Version::Http10
                ? exchange.addRequestField("Via", "1.0 " + *listener_.via)
                : exchange.addRequestField("Via", via_);
  }
  const route::Variables variables{exchange.requestId(), clientIp, head.authority,
                                   exchange.scheme()};
  for (const route::FieldEdit& edit : route.setRequest) {
    head.fields.drop(edit.name);
    if (edit.value.empty()) continue;
    char value[4096];
    const size_t size = edit.value.write(value, sizeof value, variables);
    fits &= exchange.addRequestField(edit.name, {value, size});
  }
  return fits;
}

}  // namespace oxbow::session
