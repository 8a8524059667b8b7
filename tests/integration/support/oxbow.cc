#include "tests/integration/support/oxbow.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "proxy/config/loader.h"
#include "proxy/log/log.h"
#include "tests/integration/support/raw_client.h"

namespace oxbow::integration {

namespace {

std::string indented(const std::string& lines, const std::string& by) {
  std::string out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) out += by + line + "\n";
  return out;
}

config::Config loaded(config::LoadResult result, const std::string& what) {
  if (result.config) return std::move(*result.config);
  std::string problems = what;
  for (const auto& problem : result.problems)
    problems += config::format(problem, "test.yaml") + "\n";
  throw std::runtime_error(problems);
}

}  // namespace

std::string yamlOf(const Setup& setup) {
  std::string yaml = setup.top.empty() ? std::string() : setup.top + "\n";
  // Rules of one worker are exact; how several differ has its own tests.
  if (setup.top.find("workers:") == std::string::npos) yaml += "workers: 1\n";
  yaml += "upstreams:\n  up:\n    servers:\n";
  for (const std::string& server : setup.servers) yaml += "      - " + server + "\n";
  yaml += indented(setup.upstream, "    ");
  yaml += "listeners:\n  - listen: 127.0.0.1:0\n";
  yaml += indented(setup.listener, "    ");
  return yaml + "    routes:\n" + indented(setup.routes, "      ");
}

Oxbow::Oxbow(const std::string& yaml) {
  begin([yaml] { return loaded(config::loadText(yaml, "test.yaml"), yaml); });
}

Oxbow::Oxbow(const File& file) {
  begin([path = file.path] { return loaded(config::loadFile(path), path); });
}

void Oxbow::begin(const Load& load) {
  log::setLevel(log::Level::Off);
  thread_ = std::thread([this, load] { run(load); });
  started_.await();
  if (failure_.empty() && !addresses_.empty()) return;
  thread_.join();
  throw std::runtime_error("oxbow did not start: " + failure_);
}

// A Server belongs to the thread that made it.
void Oxbow::run(const Load& load) {
  try {
    server::Server server(load());
    server.onReady([this, &server] {
      addresses_ = server.addresses();
      admin_ = server.adminAddress();
      server_ = &server;
      started_.open();
    });
    if (const auto error = server.start()) throw std::runtime_error(*error);
    server.run();
    stopped_.open();
    released_.await(seconds(60));
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  started_.open();
}

admin::ReloadReport Oxbow::reload() {
  Gate done;
  admin::ReloadReport report;
  server_->dispatcher().post([&] {
    server_->reload([&](const admin::ReloadReport& r) {
      report = r;
      done.open();
    });
  });
  if (!done.await(seconds(30))) throw std::runtime_error("a reload does not end");
  return report;
}

void Oxbow::reloadLater() {
  server_->dispatcher().post([this] { server_->reload(); });
}

void Oxbow::drain() {
  server_->dispatcher().post([this] { server_->drain(); });
}

void Oxbow::stop() {
  if (!thread_.joinable()) return;
  server_->dispatcher().post([this] { server_->stopNow(); });
  released_.open();
  thread_.join();
}

double Oxbow::metric(const std::string& sample) const {
  RawClient client(admin_);
  const Message page = client.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const size_t at = page.body.find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::atof(page.body.c_str() + at + sample.size() + 2);
}

bool Oxbow::awaitMetric(const std::string& sample, double value, milliseconds within) const {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (std::chrono::steady_clock::now() < deadline)
    if (metric(sample) == value) return true;
  return false;
}

bool Oxbow::awaitMetricAtLeast(const std::string& sample, double value) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline)
    if (metric(sample) >= value) return true;
  return false;
}

}  // namespace oxbow::integration
