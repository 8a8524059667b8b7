// GET /api/connections, as JSON.

#include <nlohmann/json.hpp>

#include <string>

#include "proxy/admin/admin_handler.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;  // members in the order in which the documentation has them

Json orNull(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

Json jsonOf(const ClientReport& c) {
  Json tls = nullptr;
  if (!c.tlsVersion.empty()) tls = {{"version", c.tlsVersion}, {"resumed", c.tlsResumed}};
  return {{"kind", "client"},
          {"id", c.id},
          {"worker", c.worker},
          {"listener", c.listener},
          {"address", c.address},
          {"state", c.state},
          {"upstream", orNull(c.upstream)},
          {"age_s", c.ageSeconds},
          {"requests", c.requests},
          {"request_bytes", c.requestBytes},
          {"response_bytes", c.responseBytes},
          {"tls", std::move(tls)}};
}

Json jsonOf(const ConnectionReport& c) {
  Json tls = nullptr;
  if (c.tlsResumed) tls = {{"resumed", *c.tlsResumed}};
  return {{"kind", "upstream"},
          {"id", c.id},
          {"worker", c.worker},
          {"upstream", c.upstream},
          {"endpoint", c.endpoint},
          {"state", c.state},
          {"age_s", c.ageSeconds},
          {"idle_s", c.idleSeconds < 0 ? Json(nullptr) : Json(c.idleSeconds)},
          {"exchanges", c.exchanges},
          {"tls", std::move(tls)}};
}

}  // namespace

std::string connectionsJson(const ConnectionPage& page, const std::string& next) {
  Json connections = Json::array();
  for (const ClientReport& client : page.clients) connections.push_back(jsonOf(client));
  for (const ConnectionReport& one : page.connections) connections.push_back(jsonOf(one));
  const Json document = {{"connections", std::move(connections)}, {"next", orNull(next)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace oxbow::admin
