// Loading the configuration anew: what did not change is not touched, what did is told.

#include <dirent.h>
#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "proxy/base/random.h"
#include "proxy/demo/origin_thread.h"
#include "tests/integration/support/crowd.h"
#include "tests/integration/support/fake_upstream.h"
#include "tests/integration/support/memory.h"
#include "tests/integration/support/oxbow.h"
#include "tests/integration/support/raw_client.h"
#include "tests/integration/support/samples.h"
#include "tests/unit/log/temp_dir.h"

namespace oxbow::integration {

namespace {

// A file that the test writes again and again.
class ConfigFile {
 public:
  void write(const std::string& yaml) { std::ofstream(path()) << yaml; }
  void write(const Setup& setup) { write(yamlOf(setup)); }
  std::string path() const { return dir_.file("oxbow.yaml"); }
  Oxbow::File file() const { return {path()}; }

 private:
  TempDir dir_;
};

size_t openDescriptors() {
  size_t count = 0;
  if (DIR* dir = ::opendir("/proc/self/fd")) {
    while (::readdir(dir) != nullptr) ++count;
    ::closedir(dir);
  }
  return count;
}

// An address that nothing listens on. It is another of loopback's than 127.0.0.1, where the kernel
// may give the port to somebody's connection before it is listened on.
SocketAddress freePort() {
  Random random(randomSeed());
  const auto part = [&random] { return std::to_string(1 + random.below(254)); };
  FakeUpstream probe(answering(ok()), "127." + part() + '.' + part() + '.' + part() + ":0");
  return SocketAddress::parse(probe.address()).value();
}

// One that keeps nothing of what it has answered.
class Origin {
 public:
  Origin() {
    demo::OriginOptions options;
    options.address = SocketAddress::parse("127.0.0.1:0").value();
    auto started = demo::OriginThread::start(options);
    REQUIRE(started.ok());
    thread_ = std::move(started.value());
  }
  std::string address() const { return thread_->address().text(); }

 private:
  std::unique_ptr<demo::OriginThread> thread_;
};

const std::string kTwoWorkers = "workers: 2\n" + kAdmin;

}  // namespace

TEST_CASE("a file that is the same changes nothing") {
  FakeUpstream upstream(answering(ok()));
  ConfigFile file;
  file.write(Setup{.servers = {upstream.address()}, .top = kAdmin});
  Oxbow oxbow(file.file());
  const admin::ReloadReport report = oxbow.reload();
  CHECK(report.applied);
  CHECK(report.changes.empty());
  CHECK(report.generation == 1);
}

TEST_CASE("clients and connections to servers stay when something else changes") {
  for (const std::string& top : {kAdmin, kTwoWorkers}) {
    FakeUpstream upstream(answering(ok()));
    ConfigFile file;
    file.write(Setup{.servers = {upstream.address()}, .top = top});
    Oxbow oxbow(file.file());
    RawClient client(oxbow.address());
    CHECK(client.ask(get()).status() == 200);
    file.write(Setup{.servers = {upstream.address()},
                     .upstream = "read_timeout: 7s",
                     .routes = "- { location: /, proxy_pass: up, add_header: { X-New: yes } }",
                     .top = top});
    const admin::ReloadReport report = oxbow.reload();
    REQUIRE(report.applied);
    CHECK(report.changes.size() == 2);
    CHECK(report.generation == 2);
    const Message answer = client.ask(get());
    CHECK(answer.status() == 200);
    CHECK(answer.field("X-New") == "yes");
    CHECK(upstream.connections() == 1);
  }
}

TEST_CASE("a request ends by the rules that it began with") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  ConfigFile file;
  file.write(Setup{.servers = {upstream.address()},
                   .routes = "- { location: /, proxy_pass: up, add_header: { X-Old: yes } }"});
  Oxbow oxbow(file.file());
  RawClient client(oxbow.address());
  client.send(get());
  REQUIRE(upstream.awaitRequests(1));
  file.write(Setup{.servers = {upstream.address()}, .routes = "- { location: /x, return: 204 }"});
  REQUIRE(oxbow.reload().applied);
  RawClient later(oxbow.address());
  CHECK(later.ask(get()).status() == 404);
  gate.open();
  const Message answer = client.receive();
  CHECK(answer.status() == 200);
  CHECK(answer.field("X-Old") == "yes");
  CHECK(client.ask(get("/x")).status() == 204);
}

TEST_CASE("a server that is removed finishes what it has and gets nothing more") {
  for (const std::string& top : {kAdmin, kTwoWorkers}) {
    Gate gate;
    FakeUpstream leaving(answeringBehind(gate, ok("leaving")));
    FakeUpstream staying(answering(ok("staying")));
    ConfigFile file;
    file.write(Setup{.servers = {leaving.address()}, .top = top});
    Oxbow oxbow(file.file());
    RawClient client(oxbow.address());
    client.send(get());
    REQUIRE(leaving.awaitRequests(1));
    file.write(Setup{.servers = {staying.address()}, .top = top});
    REQUIRE(oxbow.reload().applied);
    for (int i = 0; i < 5; ++i) CHECK(RawClient(oxbow.address()).ask(get()).body == "staying");
    gate.open();
    CHECK(client.receive().body == "leaving");
    CHECK(leaving.awaitEnd(0));
    CHECK(leaving.requests() == 1);
    CHECK(client.ask(get()).body == "staying");
  }
}

TEST_CASE("an upstream that is removed finishes what waits for it") {
  Gate gate;
  FakeUpstream leaving(answeringBehind(gate));
  ConfigFile file;
  file.write(Setup{.servers = {leaving.address()}, .upstream = "max_conns: 1"});
  Oxbow oxbow(file.file());
  RawClient first(oxbow.address()), second(oxbow.address());
  first.send(get());
  REQUIRE(leaving.awaitRequests(1));
  second.send(get());
  // It waits when a later request on another connection has been answered.
  file.write("listeners: [ { listen: \"127.0.0.1:0\", routes: [ { return: 204 } ] } ]");
  while (oxbow.reload().generation < 2) std::this_thread::yield();
  CHECK(RawClient(oxbow.address()).ask(get()).status() == 204);
  gate.open();
  CHECK(first.receive().status() == 200);
  const int status = second.receive().status();
  // Whether it had come in before the reload is between the two threads.
  CHECK((status == 200 || status == 204));
}

TEST_CASE("a listener that is removed accepts no more, and its clients finish") {
  for (const std::string workers : {"workers: 1\n", "workers: 2\n"}) {
    Gate gate;
    FakeUpstream upstream(answeringBehind(gate));
    const std::string port = freePort().text();
    const std::string upstreams = workers + "upstreams: { up: { servers: [ \"" +
                                  upstream.address() + "\" ] } }\nlisteners:\n";
    const std::string stays = "  - { listen: \"127.0.0.1:0\", routes: [ { proxy_pass: up } ] }\n";
    const std::string goes = "  - { listen: \"" + port + "\", routes: [ { proxy_pass: up } ] }\n";
    ConfigFile file;
    file.write(upstreams + stays + goes);
    Oxbow oxbow(file.file());
    const SocketAddress address = SocketAddress::parse(port).value();
    RawClient busy(address), idle(address);
    busy.send(get());
    REQUIRE(upstream.awaitRequests(1));
    file.write(upstreams + stays);
    REQUIRE(oxbow.reload().applied);
    CHECK_FALSE(RawClient(address).connected());
    idle.readToEnd();
    CHECK(idle.end() == Read::Fin);
    gate.open();
    const Message answer = busy.receive();
    CHECK(answer.status() == 200);
    CHECK(answer.field("Connection") == "close");
    // And it may come back.
    file.write(upstreams + stays + goes);
    REQUIRE(oxbow.reload().applied);
    CHECK(RawClient(address).ask(get()).status() == 200);
  }
}

TEST_CASE("a lower cap closes idle connections at once and active ones when they come back") {
  for (const std::string& top : {kAdmin, kTwoWorkers}) {
    Gate gate;
    FakeUpstream upstream(answeringBehind(gate));
    const auto setup = [&](int cap) {
      return Setup{.servers = {upstream.address()},
                   .upstream = "max_conns: " + std::to_string(cap),
                   .top = top};
    };
    ConfigFile file;
    file.write(setup(6));
    Oxbow oxbow(file.file());
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 6; ++i) {
      clients.push_back(std::make_unique<RawClient>(oxbow.address()));
      clients.back()->send(get());
    }
    REQUIRE(upstream.awaitRequests(6));
    file.write(setup(2));
    REQUIRE(oxbow.reload().applied);
    CHECK(upstream.open() == 6);
    gate.open();
    for (auto& client : clients) CHECK(client->receive().status() == 200);
    CHECK(oxbow.awaitMetric(closedFor(upstream, "cap_lowered"), 4));
    CHECK(oxbow.awaitMetric(idleOf(upstream), 2));
    // Idle ones at once.
    file.write(setup(1));
    REQUIRE(oxbow.reload().applied);
    CHECK(oxbow.awaitMetric(idleOf(upstream), 1));
    // And a higher one holds at once.
    file.write(setup(4));
    REQUIRE(oxbow.reload().applied);
    for (int round = 0; round < 3; ++round) {
      for (auto& client : clients) client->send(get());
      for (auto& client : clients) CHECK(client->receive().status() == 200);
    }
    CHECK(upstream.mostOpen() == 6);
    CHECK(upstream.open() <= 4);
  }
}

TEST_CASE("a file that is wrong changes nothing and says why") {
  FakeUpstream upstream(answering(ok()));
  const Setup good{.servers = {upstream.address()}, .top = kAdmin};
  ConfigFile file;
  file.write(good);
  Oxbow oxbow(file.file());
  RawClient client(oxbow.address());
  CHECK(client.ask(get()).status() == 200);
  struct Bad {
    std::string yaml;
    std::string message;
  };
  const std::string yaml = yamlOf(good);
  for (const Bad& bad :
       {Bad{yaml + "keepalve: 3\n", "unknown key"}, Bad{yaml + "    keepalve: 3\n", "unknown key"},
        Bad{yaml.substr(0, yaml.size() - 4), ""}, Bad{"", ""}, Bad{"listeners: [", ""},
        Bad{yaml + "upstreams: {}\n", "twice"}, Bad{yaml + "workers: none\n", ""}}) {
    file.write(bad.yaml);
    const admin::ReloadReport report = oxbow.reload();
    CHECK_FALSE(report.applied);
    CHECK(report.generation == 1);
    CHECK_FALSE(report.problems.empty());
    CHECK(report.error == "the file is wrong");
    CHECK(client.ask(get()).status() == 200);
  }
  CHECK(oxbow.metric("oxbow_reloads_total{result=\"refused\"}") == 7);
  CHECK(upstream.connections() == 1);
}

TEST_CASE("a file that cannot be put into effect changes nothing, not even a part of it") {
  FakeUpstream upstream(answering(ok()));
  FakeUpstream taken(answering(ok()));
  ConfigFile file;
  const std::string upstreams =
      "upstreams: { up: { servers: [ \"" + upstream.address() + "\" ] } }\nlisteners:\n";
  const std::string stays = "  - { listen: \"127.0.0.1:0\", routes: [ { proxy_pass: up } ] }\n";
  file.write(upstreams + stays);
  Oxbow oxbow(file.file());
  const std::string fresh = freePort().text();
  file.write(upstreams + "  - { listen: \"127.0.0.1:0\", routes: [ { return: 204 } ] }\n" +
             "  - { listen: \"" + fresh + "\", routes: [ { return: 204 } ] }\n" +
             "  - { listen: \"" + taken.address() + "\", routes: [ { return: 204 } ] }\n");
  const admin::ReloadReport report = oxbow.reload();
  CHECK_FALSE(report.applied);
  CHECK(report.error.find(taken.address()) != std::string::npos);
  CHECK(RawClient(oxbow.address()).ask(get()).status() == 200);
  CHECK_FALSE(RawClient(SocketAddress::parse(fresh).value()).connected());
}

TEST_CASE("the admin address may move, and the answer to the reload still comes") {
  FakeUpstream upstream(answering(ok()));
  ConfigFile file;
  const std::string from = freePort().text(), to = freePort().text();
  const auto setup = [&](const std::string& address) {
    return Setup{.servers = {upstream.address()}, .top = "admin: { listen: \"" + address + "\" }"};
  };
  file.write(setup(from));
  Oxbow oxbow(file.file());
  RawClient client(SocketAddress::parse(from).value());
  file.write(setup(to));
  const Message answer =
      client.ask("POST /api/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  CHECK(answer.status() == 200);
  CHECK(answer.body.find("\"applied\": true") != std::string::npos);
  RawClient moved(SocketAddress::parse(to).value());
  CHECK(moved.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").status() == 200);
  CHECK_FALSE(RawClient(SocketAddress::parse(from).value()).connected());
}

TEST_CASE("workers stay as many as they were, and the difference is told") {
  FakeUpstream upstream(answering(ok()));
  ConfigFile file;
  file.write(Setup{.servers = {upstream.address()}, .top = "workers: 1"});
  Oxbow oxbow(file.file());
  file.write(Setup{.servers = {upstream.address()}, .top = "workers: 3"});
  const admin::ReloadReport report = oxbow.reload();
  REQUIRE(report.changes.size() == 1);
  CHECK(report.changes[0].path == "workers");
  CHECK(report.changes[0].needsRestart);
  CHECK(RawClient(oxbow.address()).ask(get()).status() == 200);
}

TEST_CASE("a drain is not disturbed by a reload, nor the reload by a drain") {
  Gate gate;
  FakeUpstream upstream(answeringBehind(gate));
  ConfigFile file;
  file.write(Setup{.servers = {upstream.address()}, .top = "workers: 2"});
  Oxbow oxbow(file.file());
  RawClient client(oxbow.address());
  client.send(get());
  REQUIRE(upstream.awaitRequests(1));
  oxbow.drain();
  file.write(Setup{.servers = {upstream.address()}, .upstream = "keepalive: 3"});
  const admin::ReloadReport report = oxbow.reload();
  CHECK_FALSE(report.applied);
  CHECK(report.error.find("draining") != std::string::npos);
  gate.open();
  CHECK(client.receive().status() == 200);
  CHECK(oxbow.awaitStopped());
}

TEST_CASE("reloads in the middle of a storm of connects") {
  // Every response closes its connection: for each request another is opened, four at a time.
  FakeUpstream one([](UpstreamConn& conn) {
    if (conn.request())
      conn.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  Origin two;
  const auto storm = [&](int step) {
    Setup setup{.servers = {one.address()}, .top = kTwoWorkers};
    if (step % 2 == 1) setup.servers.push_back(two.address());
    setup.upstream = "keepalive: 0\nmax_connecting: " + std::to_string(1 + step % 4) +
                     "\nmax_conns: 8\nqueue: { timeout: 30s }";
    return setup;
  };
  ConfigFile file;
  file.write(storm(0));
  Oxbow oxbow(file.file());
  Crowd crowd(oxbow.address(), 150);
  std::thread load([&] { crowd.askUntil(1500); });
  int applied = 0;
  for (int i = 1; i <= 60; ++i) {
    file.write(storm(i));
    if (oxbow.reload().applied) ++applied;
  }
  load.join();
  CHECK(applied == 60);
  CHECK(crowd.failures() == 0);
  CHECK(crowd.answers() >= 1500);
}

TEST_CASE("a thousand reloads under load: no request fails, and nothing is left behind") {
  Origin one, two, three;
  const std::string extra = freePort().text();
  const auto yaml = [&](int step) {
    std::string text = "workers: 2\nupstreams:\n  up:\n    servers:\n      - " + one.address();
    if (step % 2 == 0) text += "\n      - " + two.address();
    if (step % 3 == 0) text += "\n      - { server: " + three.address() + ", weight: 2 }";
    text += "\n    max_conns: " + std::to_string(4 + step % 5);
    text += "\n    keepalive: " + std::to_string(2 + step % 4);
    if (step % 4 == 0) text += "\n  more: { servers: [ \"" + two.address() + "\" ] }";
    text += "\nlisteners:\n  - listen: 127.0.0.1:0\n    routes:\n      - { proxy_pass: up }";
    if (step % 5 == 0) text += "\n      - { location: /x, return: 204 }";
    if (step % 7 == 0) text += "\n  - { listen: \"" + extra + "\", routes: [ { return: 204 } ] }";
    return text + "\n";
  };
  ConfigFile file;
  file.write(yaml(0));
  auto oxbow = std::make_unique<Oxbow>(file.file());
  Crowd crowd(oxbow->address(), 40);
  crowd.ask(400, 20);
  for (int i = 0; i < 50; ++i) {
    file.write(yaml(i));
    CHECK(oxbow->reload().applied);
  }
  file.write(yaml(0));
  CHECK(oxbow->reload().applied);
  crowd.ask(400, 20);
  const size_t descriptors = openDescriptors();
  const long resident = residentBytes();

  std::atomic<bool> over{false};
  std::thread load([&] {
    while (!over) crowd.askFor(milliseconds(50));
    crowd.ask(400, 20);
  });
  int applied = 0;
  for (int i = 1; i <= 1000; ++i) {
    file.write(yaml(i));
    const admin::ReloadReport report = oxbow->reload();
    if (report.applied) ++applied;
    INFO(report.error);
    CHECK(report.applied);
  }
  file.write(yaml(0));
  CHECK(oxbow->reload().applied);
  over = true;
  load.join();
  CHECK(applied == 1000);
  CHECK(crowd.failures() == 0);
  CHECK(crowd.answers() > 1000);
  // Connections to servers come and go; within them nothing may grow.
  CHECK(openDescriptors() <= descriptors + 24);
  if (kMemoryTells) CHECK(residentBytes() <= resident + (4 << 20));
}

}  // namespace oxbow::integration
