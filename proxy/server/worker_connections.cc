// What a worker tells of its connections, a page at a time.

#include <chrono>
#include <utility>

#include "proxy/server/lowest_ids.h"
#include "proxy/server/worker.h"

namespace oxbow::server {

namespace {

using Conns = LowestIds<std::pair<pool::PooledConn*, const upstream::Upstream*>>;

double secondsBetween(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string_view textOf(pool::ConnState state) {
  switch (state) {
    case pool::ConnState::Connecting:
      return "connecting";
    case pool::ConnState::Idle:
      return "idle";
    case pool::ConnState::Active:
      return "active";
    case pool::ConnState::Closed:
      break;
  }
  return "closed";
}

admin::ConnectionReport reportOf(const pool::PooledConn& conn, const upstream::Upstream& upstream,
                                 TimePoint now) {
  admin::ConnectionReport report;
  report.id = conn.id();
  report.upstream = upstream.name();
  report.endpoint = conn.endpointText();
  report.state = textOf(conn.state());
  report.ageSeconds = secondsBetween(conn.openedAt(), now);
  if (conn.state() == pool::ConnState::Idle)
    report.idleSeconds = secondsBetween(conn.idleSince(), now);
  report.exchanges = conn.exchanges();
  report.tlsResumed = conn.tlsResumed();
  return report;
}

void offerAll(const std::vector<upstream::Upstream::Endpoint>& endpoints,
              const upstream::Upstream& upstream, Conns& conns) {
  for (const auto& endpoint : endpoints)
    if (endpoint.pool != nullptr)
      endpoint.pool->forEach([&](pool::PooledConn& conn) {
        conns.offer(conn.id(), {&conn, &upstream});
      });
}

void addConnections(const Generation& generation, const admin::ConnectionQuery& query,
                    TimePoint now, admin::ConnectionPage& page) {
  Conns conns(*query.connectionsAfter, query.limit + 1);
  for (const auto& upstream : generation.upstreams()) {
    if (!query.upstream.empty() && upstream->name() != query.upstream) continue;
    offerAll(upstream->endpoints(), *upstream, conns);
    offerAll(upstream->leaving(), *upstream, conns);
  }
  for (const auto& [id, conn] : conns.found())
    page.connections.push_back(reportOf(*conn.first, *conn.second, now));
}

}  // namespace

void HttpListener::offer(Clients& clients, const std::string& upstream) {
  // From the oldest one on, whose id is the lowest.
  for (auto* session = sessions_.back(); session != nullptr; session = sessions_.prev(*session)) {
    if (!upstream.empty() && session->facts().upstream != upstream) continue;
    if (!clients.offer(session->id(), {session, this})) return;
  }
}

admin::ClientReport HttpListener::reportOf(const session::Http1Session& session,
                                           TimePoint now) const {
  const session::SessionFacts facts = session.facts();
  admin::ClientReport report;
  report.id = session.id();
  report.listener = *environment_.view->config.listen;
  report.address = facts.client;
  report.state = facts.state;
  report.upstream = facts.upstream;
  report.ageSeconds = secondsBetween(facts.openedAt, now);
  report.requests = facts.requests;
  report.requestBytes = facts.requestBytes;
  report.responseBytes = facts.responseBytes;
  if (facts.tls == nullptr) return report;
  report.tlsVersion = facts.tls->version();
  report.tlsResumed = facts.tls->resumed();
  return report;
}

void Worker::connections(const admin::ConnectionQuery& query,
                         std::function<void(admin::ConnectionPage)> done) {
  dispatcher_->post([this, query, done = std::move(done)] { done(page(query)); });
}

// Looks at the id of each connection, and at all of those that come on the page. One more than the
// page has tells that there is more.
admin::ConnectionPage Worker::page(const admin::ConnectionQuery& query) {
  admin::ConnectionPage page;
  if (generation_ == nullptr) return page;
  const TimePoint now = dispatcher_->now();
  if (query.clientsAfter) {
    HttpListener::Clients clients(*query.clientsAfter, query.limit + 1);
    for (auto& [key, listener] : listeners_) listener->offer(clients, query.upstream);
    for (auto& listener : leaving_) listener->offer(clients, query.upstream);
    for (const auto& [id, client] : clients.found())
      page.clients.push_back(client.listener->reportOf(*client.session, now));
  }
  if (query.connectionsAfter) addConnections(*generation_, query, now, page);
  for (auto& client : page.clients) client.worker = parts_.number;
  for (auto& connection : page.connections) connection.worker = parts_.number;
  return page;
}

}  // namespace oxbow::server
