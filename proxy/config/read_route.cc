#include <fmt/format.h>

#include <unordered_set>

#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/suggest.h"

namespace oxbow::config {

namespace {

constexpr size_t kMaxBody = 64 << 10;

void addFault(std::vector<Problem>& problems, Place place, std::string path, const Fault& fault) {
  problems.push_back({place, std::move(path), fault.message, fault.suggestion});
}

void readHosts(const Node& node, BlockReader& in, Route& out) {
  in.read("server_name", out.hosts);
  const Node* value = node.find("server_name");
  ItemPaths paths(value, in.pathOf("server_name"));
  std::unordered_set<std::string> seen;
  for (Located<std::string>& host : out.hosts) {
    host.value = lowered(host.value);
    const std::string path = paths.next();
    if (const auto fault = checkServerName(*host))
      addFault(in.problems(), host.place, path, *fault);
    else if (!seen.insert(*host).second)
      in.problems().push_back({host.place, path, "stands in this list twice", {}});
  }
  if (value != nullptr && value->isList() && value->children.empty())
    in.fail("server_name", "is an empty list; leave it out for any host");
}

void readLocation(BlockReader& in, Route& out) {
  in.read("location", out.location);
  if (const auto fault = checkPath(*out.location))
    in.fail("location", fault->message, fault->suggestion);
  in.read("rewrite", out.rewrite);
  if (!out.rewrite) return;
  if (const auto fault = checkPath(**out.rewrite))
    in.fail("rewrite", fault->message, fault->suggestion);
}

void readTarget(BlockReader& in, Route& out, const UpstreamNames& upstreams) {
  in.read("proxy_pass", out.proxyPass);
  if (!out.proxyPass) return;
  const std::string& name = **out.proxyPass;
  if (upstreams.has(name)) return;
  if (name.find("://") != std::string::npos)
    return in.fail("proxy_pass",
                   fmt::format("{} is a URL; write the name of an upstream", quoted(name)));
  // Whoever has that many problems is not helped by a guess at each, which takes long.
  constexpr size_t kManyProblems = 100;
  in.fail(
      "proxy_pass", fmt::format("there is no upstream {}", quoted(name)),
      in.problems().size() < kManyProblems ? suggest(name, upstreams.inOrder()) : std::string());
}

bool isRedirect(uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What can be said without knowing the status.
void checkTexts(BlockReader& in, const FixedReturn& out) {
  if (out.body->size() > kMaxBody)
    in.fail("body", fmt::format("is longer than {} bytes", kMaxBody));
  if (out.contentType->empty() || hasControl(*out.contentType))
    in.fail("content_type", "is no media type", "text/plain");
  const bool isUrl = !out.location->empty() && !hasControl(*out.location) &&
                     out.location->find(' ') == std::string::npos;
  if (in.has("location") && in.isGood("location") && !isUrl) in.fail("location", "is no URL");
}

void checkStatus(BlockReader& in, const FixedReturn& out) {
  const uint16_t status = *out.status;
  // RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
  if (!out.body->empty() && (status == 204 || status == 205 || status == 304))
    in.fail("body", fmt::format("a {} has no body", status));
  const bool mayPoint = status == 201 || (status >= 300 && status <= 399);
  if (in.has("location") && !mayPoint)
    in.fail("location", fmt::format("a {} has no location", status));
  if (!in.has("location") && isRedirect(status))
    in.failBlock(fmt::format("a {} needs a location", status));
}

FixedReturn readReturnMapping(const Node& node, const BlockReader& route,
                              std::vector<Problem>& problems) {
  FixedReturn out;
  BlockReader in(node, schema::fixedReturn(), route.pathOf("return"), problems);
  in.require("status");
  in.read("status", out.status);
  in.read("body", out.body);
  in.read("content_type", out.contentType);
  in.read("location", out.location);
  in.finish();
  checkTexts(in, out);
  if (in.has("status") && in.isGood("status")) checkStatus(in, out);
  return out;
}

// `return: 404` is short for `return: { status: 404 }`.
void readReturn(BlockReader& in, Route& out) {
  const Node* value = in.take("return");
  if (value == nullptr) return;
  if (value->isMapping()) {
    out.fixed = readReturnMapping(*value, in, in.problems());
    return;
  }
  if (!value->isScalar())
    return in.fail("return",
                   fmt::format("expected a status or a mapping, got {}", kindName(value->kind)));
  const schema::Key& status = *schema::fixedReturn().find("status");
  const auto parsed = parseCount(value->text);
  if (!parsed) return in.fail("return", parsed.error().message, parsed.error().suggestion);
  if (parsed.value() < status.min || parsed.value() > status.max)
    return in.fail("return", fmt::format("must be between {} and {}", status.min, status.max));
  out.fixed.emplace();
  out.fixed->status = {static_cast<uint16_t>(parsed.value()), value->place};
  if (isRedirect(*out.fixed->status))
    in.fail("return", fmt::format("a {0} needs a location; write {{ status: {0}, location: ... }}",
                                  parsed.value()));
}

enum class Empty : uint8_t { Removes, IsAnError };

std::vector<Fault> checkEdit(const Node& entry, Empty empty) {
  if (entry.isNull()) return {{"has no value; to remove the field write \"\"", {}}};
  if (!entry.isScalar()) return {{fmt::format("expected text, got {}", kindName(entry.kind)), {}}};
  if (entry.text.empty() && empty == Empty::IsAnError)
    return {{"is empty; to remove a field use proxy_hide_header", {}}};
  if (entry.text.empty() && lowered(entry.key) == "host")
    return {{"every request has a Host; it cannot be removed", {}}};
  std::vector<Fault> faults = checkFieldValue(entry.text);
  if (!faults.empty() || empty != Empty::Removes || lowered(entry.key) != "host") return faults;
  if (auto fault = checkHostValue(entry.text)) faults.push_back(std::move(*fault));
  return faults;
}

void readEdits(BlockReader& in, std::string_view name, Empty empty, std::vector<HeaderEdit>& out) {
  const Node* fields = in.takeMapping(name);
  if (fields == nullptr) return;
  std::unordered_set<std::string_view> spellings;
  std::unordered_set<std::string> seen;
  for (const Node& entry : fields->children) {
    const std::string path = join(in.pathOf(name), entry.key);
    const auto keyFault = checkFieldName(entry.key);
    if (keyFault) addFault(in.problems(), entry.keyPlace, path, *keyFault);
    // The same spelling is a duplicate key, which was reported already.
    const bool isNewSpelling = spellings.insert(entry.key).second;
    const bool isTwice = !seen.insert(lowered(entry.key)).second;
    if (isTwice && isNewSpelling)
      in.problems().push_back({entry.keyPlace, path, "stands here twice, in other case", {}});
    for (const Fault& fault : checkEdit(entry, empty))
      addFault(in.problems(), entry.place, path, fault);
    out.push_back({{entry.key, entry.keyPlace}, {entry.text, entry.place}});
  }
}

void readHidden(const Node& node, BlockReader& in, Route& out) {
  in.read("proxy_hide_header", out.hideHeaders);
  ItemPaths paths(node.find("proxy_hide_header"), in.pathOf("proxy_hide_header"));
  for (const Located<std::string>& name : out.hideHeaders) {
    const std::string path = paths.next();
    if (const auto fault = checkFieldName(*name)) addFault(in.problems(), name.place, path, *fault);
  }
}

void readOwnAccessLog(BlockReader& in, Route& out) {
  AccessLog log;
  readAccessLog(in, log);
  if (in.has("access_log")) out.accessLog = std::move(log);
}

void checkWhole(BlockReader& in) {
  if (!in.has("proxy_pass") && !in.has("return"))
    in.failBlock("a route needs proxy_pass or return");
  if (in.has("proxy_pass") && in.has("return"))
    in.fail("return", "a route has proxy_pass or return, not both");
  if (in.has("proxy_pass") || !in.has("return")) return;
  for (const std::string_view name : {"rewrite", "proxy_set_header", "proxy_hide_header"})
    if (in.has(name)) in.fail(name, "has no effect without proxy_pass");
}

}  // namespace

Route readRoute(const Node& node, const std::string& path, const UpstreamNames& upstreams,
                std::vector<Problem>& problems) {
  Route route;
  route.place = node.place;
  BlockReader in(node, schema::route(), path, problems);
  readHosts(node, in, route);
  readLocation(in, route);
  readTarget(in, route, upstreams);
  readReturn(in, route);
  in.read("allow_dot_segments", route.allowDotSegments);
  readEdits(in, "proxy_set_header", Empty::Removes, route.setHeaders);
  readHidden(node, in, route);
  readEdits(in, "add_header", Empty::IsAnError, route.addHeaders);
  readOwnAccessLog(in, route);
  in.finish();
  checkWhole(in);
  // What it would match is not known: it is no twin of any other.
  if (!in.isGood("location") || !in.isGood("server_name"))
    route.location = {path, route.location.place};
  return route;
}

}  // namespace oxbow::config
