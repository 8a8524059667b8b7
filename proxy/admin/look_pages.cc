// The pages that take parameters: connections, the log's level, events; and the configuration.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "proxy/admin/admin_handler.h"
#include "proxy/admin/late_answer.h"
#include "proxy/admin/query.h"
#include "proxy/admin/refuse.h"
#include "proxy/base/bytes.h"
#include "proxy/config/problem.h"
#include "proxy/config/schema.h"
#include "proxy/session/answer.h"

namespace oxbow::admin {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr uint64_t kMostOnPage = 1000;

void answerJson(session::Exchange& exchange, std::string_view body) {
  session::Answer answer;
  answer.contentType = kJson;
  answer.body = body;
  session::sendAnswer(exchange, answer);
}

bool hasUpstream(const config::Config& config, const std::string& name) {
  return std::any_of(config.upstreams.begin(), config.upstreams.end(),
                     [&name](const config::Upstream& upstream) { return *upstream.name == name; });
}

// Puts the name into `to`, if there is one. Returns what is wrong with it.
std::string readUpstream(const Query& query, const config::Config& config, std::string& to) {
  const std::string* name = query.find("upstream");
  if (name == nullptr) return {};
  if (!hasUpstream(config, *name)) return fmt::format("no upstream is {}", config::quoted(*name));
  to = *name;
  return {};
}

std::string readLimit(const Query& query, size_t& limit) {
  const std::string* text = query.find("limit");
  if (text == nullptr) return {};
  const auto number = parseDecimal(*text);
  if (!number || *number == 0 || *number > kMostOnPage)
    return fmt::format("limit is a number from 1 to {}", kMostOnPage);
  limit = *number;
  return {};
}

std::string readKind(const Query& query, ConnectionQuery& to) {
  const std::string* kind = query.find("kind");
  if (kind == nullptr) return {};
  if (*kind == "client")
    to.connectionsAfter.reset();
  else if (*kind == "upstream")
    to.clientsAfter.reset();
  else
    return "kind is client or upstream";
  return {};
}

// "c17": behind that client; "u17": behind that connection to an endpoint, and all clients.
std::string readCursor(const Query& query, ConnectionQuery& to) {
  const std::string* text = query.find("cursor");
  if (text == nullptr) return {};
  const std::string_view cursor = *text;
  const char kind = cursor.empty() ? '\0' : cursor.front();
  const auto id = parseDecimal(cursor.substr(cursor.empty() ? 0 : 1));
  if (!id || (kind != 'c' && kind != 'u')) return "cursor is not one that a page gave as next";
  if (kind == 'c' ? !to.clientsAfter : !to.connectionsAfter)
    return "cursor belongs to another kind";
  if (kind == 'u') to.clientsAfter.reset();
  (kind == 'c' ? to.clientsAfter : to.connectionsAfter) = *id;
  return {};
}

std::string readConnections(const Query& query, const config::Config& config, ConnectionQuery& to) {
  for (std::string error : {readUpstream(query, config, to.upstream), readLimit(query, to.limit),
                            readKind(query, to), readCursor(query, to)})
    if (!error.empty()) return error;
  return {};
}

std::string cursorBehind(const ConnectionPage& page) {
  if (!page.more) return {};
  return page.connections.empty() ? fmt::format("c{}", page.clients.back().id)
                                  : fmt::format("u{}", page.connections.back().id);
}

std::string_view textOf(config::LogLevel level) {
  return config::schema::top().find("log_level")->choices.at(static_cast<size_t>(level));
}

std::optional<config::LogLevel> levelOf(std::string_view text) {
  const auto& words = config::schema::top().find("log_level")->choices;
  const auto word = std::find(words.begin(), words.end(), text);
  if (word == words.end()) return std::nullopt;
  return static_cast<config::LogLevel>(word - words.begin());
}

std::string listOfLevels() {
  return fmt::format("level is one of {}",
                     fmt::join(config::schema::top().find("log_level")->choices, ", "));
}

std::string readKinds(const Query& query, uint32_t& kinds) {
  const std::string* text = query.find("kind");
  if (text == nullptr) return {};
  kinds = 0;
  std::string_view rest = *text;
  do {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    uint32_t bit = 0;
    for (uint32_t i = 0; i < static_cast<uint32_t>(pool::Lifecycle::Count); ++i)
      if (pool::textOf(static_cast<pool::Lifecycle>(i)) == word) bit = 1U << i;
    if (bit == 0)
      return "kind is a list of created, acquired, released, retired, moved and refused";
    kinds |= bit;
  } while (!rest.empty());
  return {};
}

}  // namespace

void AdminHandler::answerConnections(session::Exchange& exchange, const AdminPage&) {
  std::string error;
  const auto query =
      Query::parse(exchange.request().target, {"limit", "cursor", "kind", "upstream"}, error);
  if (!query) return refuse(exchange, 400, error);
  ConnectionQuery wanted;
  error = readConnections(*query, view_.config(), wanted);
  if (!error.empty()) return refuse(exchange, 400, error);
  if (!mayAsk(exchange)) return;
  ++*asked_;
  view_.connections(wanted, [answer = LateAnswer::to(exchange), asked = asked_](const auto& page) {
    --*asked;
    answer->answer(200, kJson, connectionsJson(page, cursorBehind(page)));
  });
}

void AdminHandler::answerConfig(session::Exchange& exchange, const AdminPage&) {
  std::string error;
  if (!Query::parse(exchange.request().target, {}, error)) return refuse(exchange, 400, error);
  answerJson(exchange, configJson(view_.config(), view_.generation()));
}

void AdminHandler::answerLogLevel(session::Exchange& exchange, const AdminPage&) {
  const bool changes = exchange.request().method == http::Method::Post;
  std::string error;
  const auto query = changes ? Query::parse(exchange.request().target, {"level"}, error)
                             : Query::parse(exchange.request().target, {}, error);
  if (!query) return refuse(exchange, 400, error);
  const config::LogLevel before = view_.logLevel();
  if (!changes) return answerJson(exchange, fmt::format("{{\"level\":\"{}\"}}\n", textOf(before)));
  const std::string* word = query->find("level");
  const auto level = word == nullptr ? std::nullopt : levelOf(*word);
  if (!level) return refuse(exchange, 400, listOfLevels());
  view_.setLogLevel(*level);
  answerJson(exchange, fmt::format("{{\"before\":\"{}\",\"level\":\"{}\"}}\n", textOf(before),
                                   textOf(*level)));
}

void AdminHandler::streamEvents(session::Exchange& exchange, const AdminPage&) {
  std::string error;
  const auto query = Query::parse(exchange.request().target, {"upstream", "kind"}, error);
  if (!query) return refuse(exchange, 400, error);
  EventFilter filter;
  error = readUpstream(*query, view_.config(), filter.upstream);
  if (error.empty()) error = readKinds(*query, filter.kinds);
  if (!error.empty()) return refuse(exchange, 400, error);
  if (!EventStream::begin(exchange, view_, std::move(filter), streams_))
    refuse(exchange, 503, "too many watch events already, or oxbow stops");
}

void AdminHandler::endStreams() {
  while (EventStream* stream = streams_.front()) stream->finish();
}

}  // namespace oxbow::admin
