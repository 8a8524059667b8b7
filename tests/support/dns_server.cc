#include "tests/support/dns_server.h"

#include <algorithm>
#include <utility>

#include "tests/support/dns_loop.h"

namespace oxbow::test {

namespace {

auto named(const std::string& name) {
  return [name = canonicalName(name)](const DnsQuery& query) { return query.name == name; };
}

auto named(const std::string& name, DnsType type) {
  return [name = canonicalName(name), type](const DnsQuery& query) {
    return query.name == name && query.type == type;
  };
}

}  // namespace

DnsServer::DnsServer(const std::string& address) : address_(address) { start(); }

DnsServer::~DnsServer() { stop(); }

void DnsServer::start() {
  if (thread_.joinable()) return;
  loop_ = std::make_unique<DnsLoop>(*this, address_);
  address_ = loop_->address();
  thread_ = std::thread([this] { loop_->run(); });
}

void DnsServer::stop() {
  if (!thread_.joinable()) return;
  loop_->interrupt();
  thread_.join();
  loop_.reset();
}

template <typename Change>
void DnsServer::change(Change change) {
  const std::lock_guard lock(mutex_);
  change(script_);
}

void DnsServer::set(const std::string& name, DnsType type, std::vector<std::string> records,
                    seconds ttl) {
  for (const std::string& text : records) dnsData(type, text);  // what is wrong aborts here
  change([&](DnsScript& script) {
    script.records[{canonicalName(name), type}] = {std::move(records), ttl};
  });
}

void DnsServer::remove(const std::string& name) {
  const std::string known = canonicalName(name);
  const auto matches = [&](const auto& entry) { return entry.first.first == known; };
  change([&](DnsScript& script) {
    std::erase_if(script.records, matches);
    std::erase_if(script.failures, matches);
    std::erase_if(script.raws, matches);
    script.nameFailures.erase(known);
    script.delays.erase(known);
  });
}

void DnsServer::setCode(const std::string& name, DnsCode code, std::optional<DnsSoa> soa) {
  change([&](DnsScript& script) { script.nameFailures[canonicalName(name)] = {code, soa}; });
}

void DnsServer::setCode(const std::string& name, DnsType type, DnsCode code,
                        std::optional<DnsSoa> soa) {
  change([&](DnsScript& script) { script.failures[{canonicalName(name), type}] = {code, soa}; });
}

void DnsServer::clearCode(const std::string& name) {
  const std::string known = canonicalName(name);
  change([&](DnsScript& script) {
    std::erase_if(script.failures, [&](const auto& entry) { return entry.first.first == known; });
    script.nameFailures.erase(known);
  });
}

void DnsServer::setCodeOfAll(std::optional<DnsCode> code) {
  change([&](DnsScript& script) { script.codeOfAll = code; });
}

void DnsServer::setSoa(std::optional<DnsSoa> soa) {
  change([&](DnsScript& script) { script.soa = soa; });
}

void DnsServer::setRaw(const std::string& name, DnsType type, DnsRaw raw) {
  change([&](DnsScript& script) { script.raws[{canonicalName(name), type}] = std::move(raw); });
}

void DnsServer::delay(const std::string& name, milliseconds time) {
  change([&](DnsScript& script) { script.delays[canonicalName(name)] = time; });
}

void DnsServer::delayAll(milliseconds time) {
  change([&](DnsScript& script) { script.delay = time; });
}

void DnsServer::lose(int queries) {
  change([&](DnsScript& script) { script.toLose = queries; });
}

void DnsServer::silence(bool on) {
  change([&](DnsScript& script) { script.silent = on; });
}

void DnsServer::truncate(bool on) {
  change([&](DnsScript& script) { script.truncating = on; });
}

void DnsServer::closeTcp(bool on) {
  change([&](DnsScript& script) { script.closingTcp = on; });
}

void DnsServer::refuseEdns(bool on) {
  change([&](DnsScript& script) { script.refusingEdns = on; });
}

void DnsServer::lie(DnsLie lie, bool truthFollows) {
  change([&](DnsScript& script) {
    script.lie = lie;
    script.truthFollows = truthFollows;
  });
}

std::vector<DnsQuery> DnsServer::queries() const {
  const std::lock_guard lock(mutex_);
  return queries_;
}

template <typename Matches>
size_t DnsServer::countIf(Matches matches) const {
  return static_cast<size_t>(std::count_if(queries_.begin(), queries_.end(), matches));
}

size_t DnsServer::count() const {
  const std::lock_guard lock(mutex_);
  return queries_.size();
}

size_t DnsServer::count(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return countIf(named(name));
}

size_t DnsServer::count(const std::string& name, DnsType type) const {
  const std::lock_guard lock(mutex_);
  return countIf(named(name, type));
}

size_t DnsServer::tcpConnections() const {
  const std::lock_guard lock(mutex_);
  return tcpConnections_;
}

void DnsServer::forget() {
  const std::lock_guard lock(mutex_);
  queries_.clear();
  tcpConnections_ = 0;
}

template <typename Condition>
bool DnsServer::await(milliseconds within, Condition condition) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, condition);
}

bool DnsServer::waitFor(size_t count, milliseconds within) const {
  return await(within, [&] { return queries_.size() >= count; });
}

bool DnsServer::waitFor(const std::string& name, size_t count, milliseconds within) const {
  return await(within, [&] { return countIf(named(name)) >= count; });
}

bool DnsServer::waitFor(const std::string& name, DnsType type, size_t count,
                        milliseconds within) const {
  return await(within, [&] { return countIf(named(name, type)) >= count; });
}

std::vector<DnsScript::Sent> DnsServer::answer(const std::string& packet, DnsTransport transport,
                                               uint16_t port, milliseconds& delay) {
  const auto question = readQuestion(packet);
  if (!question) return {};
  DnsRaw raw;
  {
    const std::lock_guard lock(mutex_);
    queries_.push_back({question->name, question->type, question->id, port, transport,
                        question->edns, std::chrono::steady_clock::now()});
    changed_.notify_all();
    delay = script_.delayOf(question->name);
    if (script_.ignoresNext()) return {};
    raw = script_.rawOf(*question);
    if (!raw) return script_.answer(*question, transport);
  }
  return DnsScript::whole(raw(packet));  // it may call this server
}

bool DnsServer::onConnection() {
  const std::lock_guard lock(mutex_);
  ++tcpConnections_;
  return !script_.closingTcp;
}

}  // namespace oxbow::test
