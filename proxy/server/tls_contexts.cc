#include "proxy/server/tls_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace oxbow::server {

namespace {

template <typename Context>
bool isSame(const std::vector<std::shared_ptr<const Context>>& some,
            const std::vector<std::shared_ptr<const Context>>& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(),
                    [](const auto& one, const auto& other) {
                      if (one == nullptr || other == nullptr) return one == other;
                      return one->digest() == other->digest();
                    });
}

template <typename Context>
bool replace(std::shared_ptr<const Context>& now, std::shared_ptr<const Context> next) {
  if (next == nullptr || now == nullptr || next->digest() == now->digest()) return false;
  now = std::move(next);
  return true;
}

}  // namespace

std::string folderOf(const config::Config& config) {
  return std::filesystem::path(config.file).parent_path().string();
}

std::vector<std::string> TlsContexts::files() const {
  std::vector<std::string> all;
  const auto add = [&all](const auto& contexts) {
    for (const auto& context : contexts)
      if (context != nullptr)
        all.insert(all.end(), context->files().begin(), context->files().end());
  };
  add(servers);
  add(clients);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool TlsContexts::isSameAs(const TlsContexts& other) const {
  return isSame(servers, other.servers) && isSame(clients, other.clients);
}

std::shared_ptr<const tls::ClientContext> TlsLoader::speak(const config::Upstream& upstream,
                                                           const std::string& folder,
                                                           TlsProblems& problems) {
  if (!*upstream.tls.enabled) return nullptr;
  const tls::Complaints complaints{fmt::format("upstreams.{}.tls", *upstream.name), folder,
                                   problems.errors, problems.warnings, isElsewhere_};
  return tls::ClientContext::make(upstream.tls, complaints);
}

std::shared_ptr<tls::TicketKeys> TlsLoader::ticketsOf(const config::ListenerTls& tls,
                                                      const std::string& key,
                                                      const tls::Complaints& complaints) {
  if (!*tls.sessionTickets) return nullptr;
  const auto known = tickets_.find(key);
  const bool isOwn = tls.sessionTicketKeys.empty();
  const bool goesOn = isOwn && known != tickets_.end() &&
                      known->second.config.sessionTicketKeys.empty() &&
                      *known->second.config.sessionTicketRotation == *tls.sessionTicketRotation;
  std::shared_ptr<tls::TicketKeys> keys =
      goesOn ? known->second.keys
             : std::make_shared<tls::TicketKeys>(clock_, *tls.sessionTicketRotation);
  if (!isOwn && !keys->load(tls.sessionTicketKeys, complaints)) return nullptr;
  loaded_[key] = {tls, keys};
  return keys;
}

std::shared_ptr<const tls::ServerContext> TlsLoader::serve(const config::Listener& listener,
                                                           size_t index, const std::string& key,
                                                           const std::string& folder,
                                                           TlsProblems& problems) {
  if (!listener.tls.enabled()) return nullptr;
  const tls::Complaints complaints{fmt::format("listeners[{}].tls", index), folder, problems.errors,
                                   problems.warnings, isElsewhere_};
  const size_t before = problems.errors.size();
  auto tickets = ticketsOf(listener.tls, key, complaints);
  auto context = tls::ServerContext::make(listener.tls, std::move(tickets), complaints);
  return problems.errors.size() == before ? context : nullptr;
}

TlsContexts TlsLoader::load(const config::Config& config,
                            const std::vector<std::string>& listenerKeys, TlsProblems& problems) {
  TlsContexts contexts;
  loaded_.clear();
  const std::string folder = folderOf(config);
  for (size_t i = 0; i < config.listeners.size(); ++i)
    contexts.servers.push_back(serve(config.listeners[i], i, listenerKeys[i], folder, problems));
  for (const config::Upstream& upstream : config.upstreams)
    contexts.clients.push_back(speak(upstream, folder, problems));
  config::sortByPlace(problems.errors);
  config::sortByPlace(problems.warnings);
  return contexts;
}

void TlsLoader::keep(const std::vector<std::string>& listenerKeys) {
  for (auto& [key, tickets] : loaded_) tickets_[key] = std::move(tickets);
  loaded_.clear();
  std::erase_if(tickets_, [&](const auto& entry) {
    return std::find(listenerKeys.begin(), listenerKeys.end(), entry.first) == listenerKeys.end();
  });
}

bool TlsLoader::reload(const config::Config& config, const std::vector<std::string>& listenerKeys,
                       TlsContexts& contexts, TlsProblems& problems) {
  TlsContexts next = load(config, listenerKeys, problems);
  bool isNew = false;
  for (size_t i = 0; i < contexts.servers.size(); ++i)
    isNew |= replace(contexts.servers[i], std::move(next.servers[i]));
  for (size_t i = 0; i < contexts.clients.size(); ++i)
    isNew |= replace(contexts.clients[i], std::move(next.clients[i]));
  if (isNew) keep(listenerKeys);
  return isNew;
}

}  // namespace oxbow::server
