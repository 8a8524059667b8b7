// What the proxy does to a request before it waits for a connection.

#include <algorithm>
#include <cstring>
#include <limits>

#include "proxy/base/address.h"
#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/session/added_fields.h"
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

constexpr Error kBadMaxForwards{ErrorCode::HttpRequestError, Side::Client, Retry::Never, 400,
                                "malformed Max-Forwards"};

constexpr std::string_view kMaxForwards = "Max-Forwards";
constexpr uint64_t kMostForwards = 1000000;  // the most that is passed on

constexpr uint64_t kForwardedNames =
    http::bitOf(http::Name::XForwardedFor) | http::bitOf(http::Name::XForwardedHost) |
    http::bitOf(http::Name::XForwardedProto) | http::bitOf(http::Name::XForwardedOther) |
    http::bitOf(http::Name::Forwarded);

std::string_view firstAdded(Exchange& exchange) {
  const http::FieldBlock& added = exchange.request().added;
  return added.valueAt(added.fields[0]);
}

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

}  // namespace

std::string_view clientBehind(std::string_view forwardedFor, uint32_t hops, std::string_view peer) {
  std::string_view found = peer;
  for (uint32_t i = 0; i < hops; ++i) {
    const size_t comma = forwardedFor.rfind(',');
    std::string_view entry =
        comma == std::string_view::npos ? forwardedFor : forwardedFor.substr(comma + 1);
    while (!entry.empty() && (entry.front() == ' ' || entry.front() == '\t'))
      entry.remove_prefix(1);
    while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.remove_suffix(1);
    if (!SocketAddress::parseIp(entry, 0).ok()) break;
    found = entry;
    if (comma == std::string_view::npos) break;
    forwardedFor = forwardedFor.substr(0, comma);
  }
  return found;
}

// The lines of one name are one list (RFC 9110, 5.3); the nearest hop wrote its end.
static std::string_view clientBehind(const http::FieldBlock& fields, uint32_t hops,
                                     std::string_view peer) {
  for (size_t i = fields.count; i-- > 0 && hops > 0;) {
    const http::Field& field = fields.fields[i];
    if (field.name() != http::Name::XForwardedFor || field.dropped()) continue;
    const std::string_view line = fields.valueAt(field);
    const std::string_view found = clientBehind(line, hops, {});
    if (!found.empty()) peer = found;
    if (found.data() != line.data()) break;  // far enough, or at what is no address
    hops -= 1 + static_cast<uint32_t>(std::count(line.begin(), line.end(), ','));
  }
  return peer;
}

ProxyHandler::ProxyHandler(upstream::WorkerContext& worker, const config::Listener& listener,
                           const route::RouteTable& routes, const std::vector<Target>& targets)
    : worker_(worker), listener_(listener), routes_(routes), targets_(targets), lines_(listener) {}

ProxyHandler::~ProxyHandler() = default;

size_t ProxyHandler::memory() const { return exchanges_.bytes(); }

void ProxyHandler::onRequest(Exchange& exchange) {
  http::RequestHead& head = exchange.request();
  const bool hasId = takeRequestId(exchange);
  // The asterisk form has no path; it asks about the server as a whole.
  const std::string_view path = head.path == "*" ? std::string_view("/") : head.path;
  const route::Route* route = routes_.match(head.authority, path);
  if (route != nullptr && route->config->accessLog) exchange.logAsRoute(route->index);
  // A plain request of a client gets lines that are made already, its id among them.
  const bool plain = route != nullptr && !hasId && head.version == http::Version::Http11 &&
                     !route->config->fixed && !head.fields.hasAny(kForwardedNames) &&
                     !head.authority.empty() &&
                     head.authority.size() <= ForwardedLines::kMaxAuthority;
  if (!plain && !hasId) makeRequestId(exchange);
  if (route == nullptr) return exchange.onReset(kNoRoute);
  if (head.dotSegments && !*route->config->allowDotSegments) {
    if (plain) makeRequestId(exchange);
    return exchange.onReset(kDotSegments);
  }
  std::string_view clientIp = exchange.clientIp();
  if (*listener_.trustedHops > 0)
    clientIp = clientBehind(head.fields, *listener_.trustedHops, clientIp);
  if (route->config->fixed) return answerFixed(exchange, *route, clientIp);
  if (!(plain ? addPlain(exchange) : editForwarded(exchange)))
    return exchange.onReset(kTooManyEdits);
  if (head.method == http::Method::Options && !countHop(exchange)) return;
  if (!editRequest(exchange, *route, clientIp)) return exchange.onReset(kTooManyEdits);
  const Target& target = targets_[static_cast<size_t>(route->upstream)];
  exchanges_.make(*this, exchange, *route, target, clientIp)->start();
}

// Takes a received id over, when it is one that may be passed on. True when there is one now.
bool ProxyHandler::takeRequestId(Exchange& exchange) {
  http::FieldBlock& fields = exchange.request().fields;
  if (!fields.has(http::Name::XRequestId)) return false;
  const http::Field* first = fields.find(http::Name::XRequestId);
  const bool good = first != nullptr && isGoodRequestId(fields.valueAt(*first));
  if (good) exchange.setRequestId(fields.valueAt(*first));
  // Nobody has looked at any other.
  for (http::Field* field = fields.begin(); field != fields.end_(); ++field)
    if (field->name() == http::Name::XRequestId && !(good && field == first)) fields.drop(*field);
  return good;
}

// The first of the added fields: there is always room for it.
void ProxyHandler::makeRequestId(Exchange& exchange) {
  char id[kRequestIdSize];
  writeRequestId(id, worker_.random);
  if (!exchange.addRequestField(http::Name::XRequestId, "X-Request-ID", {id, sizeof id}))
    ASSERT(false);
  exchange.setRequestId(firstAdded(exchange));
}

void ProxyHandler::answerFixed(Exchange& exchange, const route::Route& route,
                               std::string_view clientIp) {
  const config::FixedReturn& fixed = *route.config->fixed;
  Answer answer;
  answer.status = *fixed.status;
  answer.body = *fixed.body;
  answer.contentType = *fixed.contentType;
  answer.location = *fixed.location;
  const route::Variables variables{exchange.requestId(), clientIp, exchange.request().authority,
                                   exchange.scheme(), exchange.tls()};
  if (AddedFields::bytesOf(route.addResponse, variables) > AddedFields::kMaxBytes)
    return exchange.onReset(kTooManyEdits);
  const AddedFields added(route.addResponse, variables, worker_.blocks);
  answer.added = added.block();
  sendAnswer(exchange, answer);
}

bool ProxyHandler::addPlain(Exchange& exchange) {
  const http::FieldBlock& lines = lines_.of(exchange.clientIp(), exchange.request().authority,
                                            exchange.tls() != nullptr, worker_.random);
  if (!exchange.addRequestLines(lines)) return false;
  exchange.setRequestId(firstAdded(exchange));
  return true;
}

// X-Forwarded-* and Via: what an untrusted client says of itself is replaced, what trusted hops say
// is carried on.
bool ProxyHandler::editForwarded(Exchange& exchange) {
  http::RequestHead& head = exchange.request();
  http::FieldBlock& fields = head.fields;
  const bool trusted = *listener_.trustedHops > 0;
  if (!trusted && fields.hasAny(kForwardedNames)) {
    for (const auto name :
         {http::Name::XForwardedFor, http::Name::XForwardedHost, http::Name::XForwardedProto,
          http::Name::XForwardedOther, http::Name::Forwarded})
      fields.drop(name);
  }
  bool fits = addForwarded(exchange);
  const bool keepHost = fields.find(http::Name::XForwardedHost) != nullptr;
  if (*listener_.xForwardedHost && !keepHost && !head.authority.empty())
    fits &=
        exchange.addRequestField(http::Name::XForwardedHost, "X-Forwarded-Host", head.authority);
  return fits;
}

// The lines of a request that is not like every other of its client.
bool ProxyHandler::addForwarded(Exchange& exchange) {
  http::RequestHead& head = exchange.request();
  http::FieldBlock& fields = head.fields;
  bool fits = true;
  if (*listener_.xForwardedFor) {
    Block joined = worker_.blocks.take(http::kMaxHeadBytes + 2 * http1::kMaxFields);
    char* end = joined.data();
    for (uint16_t i = 0; i < fields.count; ++i) {
      const http::Field& field = fields.fields[i];
      if (field.name() != http::Name::XForwardedFor || field.dropped()) continue;
      // An empty line is no element of the list, and must not become one (RFC 9110, 5.6.1.1).
      if (!fields.valueAt(field).empty()) end = append(append(end, fields.valueAt(field)), ", ");
    }
    end = append(end, exchange.clientIp());
    fields.drop(http::Name::XForwardedFor);
    fits &= exchange.addRequestField(http::Name::XForwardedFor, "X-Forwarded-For",
                                     {joined.data(), static_cast<size_t>(end - joined.data())});
  }
  if (*listener_.xForwardedProto && fields.find(http::Name::XForwardedProto) == nullptr)
    fits &= exchange.addRequestField(http::Name::XForwardedProto, "X-Forwarded-Proto",
                                     exchange.scheme());
  if (!listener_.via->empty()) {
    const bool old = head.version == http::Version::Http10;
    fits &=
        exchange.addRequestField(http::Name::Via, "Via", (old ? "1.0 " : "1.1 ") + *listener_.via);
  }
  return fits;
}

// Max-Forwards of OPTIONS (RFC 9110, section 7.6.2). False when the request ends here.
bool ProxyHandler::countHop(Exchange& exchange) {
  http::FieldBlock& fields = exchange.request().fields;
  const http::Field* field = fields.find(kMaxForwards);
  if (field == nullptr) return true;
  const std::string_view text = fields.valueAt(*field);
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), http::isDigit);
  if (fields.drop(kMaxForwards) != 1 || !digits) {
    exchange.onReset(kBadMaxForwards);
    return false;
  }
  const uint64_t hops = parseDecimal(text).value_or(std::numeric_limits<uint64_t>::max());
  if (hops == 0) {
    Answer answer;
    answer.allow = kAllowedMethods;
    sendAnswer(exchange, answer);
    return false;
  }
  if (setMaxForwards(exchange, std::min(hops - 1, kMostForwards))) return true;
  exchange.onReset(kTooManyEdits);
  return false;
}

bool ProxyHandler::setMaxForwards(Exchange& exchange, uint64_t hops) {
  char digits[kMaxDecimal];
  const char* end = writeDecimal(digits, hops);
  return exchange.addRequestField(kMaxForwards, {digits, static_cast<size_t>(end - digits)});
}

bool ProxyHandler::editRequest(Exchange& exchange, const route::Route& route,
                               std::string_view clientIp) {
  if (!route.edits) return true;
  http::RequestHead& head = exchange.request();
  const route::Variables variables{exchange.requestId(), clientIp, head.authority,
                                   exchange.scheme(), exchange.tls()};
  if (AddedFields::bytesOf(route.addResponse, variables) > AddedFields::kMaxBytes) return false;
  if (route.hostEdit != nullptr && route.hostEdit->value.size(variables) > http::kMaxHeadBytes)
    return false;
  bool fits = true;
  for (const route::FieldEdit& edit : route.setRequest) {
    head.fields.drop(edit.name);
    head.added.drop(
        edit.name);  // what we add by ourselves too: the configuration has the last word
    if (!edit.value.empty()) fits &= setRequestField(exchange, edit, variables);
  }
  return fits;
}

bool ProxyHandler::setRequestField(Exchange& exchange, const route::FieldEdit& edit,
                                   const route::Variables& variables) {
  const size_t size = edit.value.size(variables);
  if (size > http::kMaxHeadBytes) return false;
  if (size == 0) return true;  // variables that stand for nothing here: no field, as with nginx
  Block value = worker_.blocks.take(size);
  edit.value.write(value.data(), variables);
  return exchange.addRequestField(edit.name, {value.data(), size});
}

}  // namespace oxbow::session
