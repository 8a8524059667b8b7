// GET /api/config: what is loaded, as JSON with the keys and the units of the file.

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "proxy/admin/admin_handler.h"
#include "proxy/base/bytes.h"
#include "proxy/config/secrets.h"
#include "proxy/config/values.h"

namespace oxbow::admin {

namespace {

using config::Value;
using Json = nlohmann::ordered_json;

Json jsonOf(const Value& value);

Json leafOf(const Value& value) {
  if (!value.words.empty()) return value.words;
  if (value.text == "none") return nullptr;
  if (value.text == "on" || value.text == "off") return value.text == "on";
  if (const auto number = parseDecimal(value.text)) return *number;
  return config::plainText(value);
}

// Upstreams have names in the file; what else is listed has none.
Json listOf(const Value& value) {
  if (value.inner.front().what == Value::What::Upstream) {
    Json byName = Json::object();
    for (const Value& inner : value.inner) byName[inner.name] = jsonOf(inner);
    return byName;
  }
  Json list = Json::array();
  for (const Value& inner : value.inner) list.push_back(jsonOf(inner));
  return list;
}

Json jsonOf(const Value& value) {
  if (value.isLeaf()) return leafOf(value);
  if (value.isList()) return listOf(value);
  Json mapping = Json::object();
  for (const Value& inner : value.inner) mapping[inner.name] = jsonOf(inner);
  return mapping;
}

}  // namespace

std::string configJson(const config::Config& config, uint64_t generation) {
  const Value values = config::withoutSecrets(config::valuesOf(config));
  const Json document = {
      {"generation", generation}, {"file", config.file}, {"config", jsonOf(values)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace oxbow::admin
