#include "proxy/route/route_table.h"

#include <algorithm>
#include <cctype>

#include "proxy/codec/http/field.h"

namespace oxbow::route {

namespace {

std::string lowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The host of an authority: without the port, and without the dot that may end a full name.
std::string_view hostOf(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[')
    return authority.substr(0, std::min(authority.find(']') + 1, authority.size()));
  std::string_view host = authority.substr(0, std::min(authority.find(':'), authority.size()));
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return host;
}

int indexOf(const std::string& name, const config::Config& config) {
  for (size_t i = 0; i < config.upstreams.size(); ++i)
    if (*config.upstreams[i].name == name) return static_cast<int>(i);
  return -1;
}

Route makeRoute(const config::Route& from, const config::Config& config) {
  Route route;
  route.config = &from;
  if (from.proxyPass) route.upstream = indexOf(**from.proxyPass, config);
  for (const config::HeaderEdit& edit : from.setHeaders) {
    const bool isHost = http::equalsIgnoreCase(*edit.name, "host");
    (isHost ? route.hostEdits : route.setRequest)
        .push_back({*edit.name, ValueTemplate(*edit.value)});
  }
  for (const config::HeaderEdit& edit : from.addHeaders)
    route.addResponse.push_back({*edit.name, ValueTemplate(*edit.value)});
  for (const auto& name : from.hideHeaders) route.hideResponse.push_back(*name);
  return route;
}

}  // namespace

size_t Route::editBytes() const {
  size_t sum = 0;
  for (const FieldEdit& edit : setRequest) sum += edit.name.size() + edit.value.bound() + 4;
  return sum;
}

size_t Route::tlsBytes(const net::TlsFacts& tls) const {
  size_t sum = 0;
  for (const FieldEdit& edit : setRequest) sum += edit.value.tlsBytes(tls);
  return sum;
}

bool Route::tellsTls() const {
  return std::any_of(setRequest.begin(), setRequest.end(),
                     [](const FieldEdit& edit) { return edit.value.tellsTls(); });
}

bool RouteTable::Group::matches(std::string_view name) const {
  if (host.empty()) return true;
  if (!wildcard) return http::equalsIgnoreCase(name, host);
  return name.size() > host.size() &&
         http::equalsIgnoreCase(name.substr(name.size() - host.size()), host);
}

RouteTable::RouteTable(const config::Listener& listener, const config::Config& config) {
  routes_.reserve(listener.routes.size());
  for (const config::Route& from : listener.routes) {
    Route& route = routes_.emplace_back(makeRoute(from, config));
    route.index = routes_.size() - 1;
    if (!route.hostEdits.empty()) route.hostEdit = &route.hostEdits.front();
    route.edits =
        !route.hostEdits.empty() || !route.setRequest.empty() || !route.addResponse.empty();
    editBytes_ = std::max(editBytes_, route.editBytes());
    tellsTls_ |= route.tellsTls();
    if (from.hosts.empty()) groupOf("").entries.push_back({*from.location, &route});
    for (const auto& host : from.hosts) groupOf(*host).entries.push_back({*from.location, &route});
  }
  std::stable_sort(groups_.begin(), groups_.end(), [](const Group& a, const Group& b) {
    const auto rank = [](const Group& g) { return g.host.empty() ? 2 : g.wildcard ? 1 : 0; };
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return a.host.size() > b.host.size();
  });
  for (Group& group : groups_)
    std::stable_sort(
        group.entries.begin(), group.entries.end(),
        [](const Entry& a, const Entry& b) { return a.location.size() > b.location.size(); });
}

RouteTable::Group& RouteTable::groupOf(const std::string& pattern) {
  const bool wildcard = pattern.substr(0, 2) == "*.";
  const std::string host = lowerCase(wildcard ? pattern.substr(1) : pattern);
  for (Group& group : groups_)
    if (group.host == host && group.wildcard == wildcard) return group;
  groups_.push_back({host, wildcard, {}});
  return groups_.back();
}

size_t RouteTable::tlsBytes(const net::TlsFacts& tls) const {
  if (!tellsTls_) return 0;
  size_t most = 0;
  for (const Route& route : routes_) most = std::max(most, route.tlsBytes(tls));
  return most;
}

const Route* RouteTable::match(std::string_view authority, std::string_view path) const {
  const std::string_view host = hostOf(authority);
  for (const Group& group : groups_) {
    if (!group.matches(host)) continue;
    for (const Entry& entry : group.entries)
      if (path.starts_with(entry.location)) return entry.route;
  }
  return nullptr;
}

}  // namespace oxbow::route
