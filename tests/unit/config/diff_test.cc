#include "proxy/config/diff.h"

#include <algorithm>

#include "tests/unit/config/key_files.h"

namespace oxbow::config {

namespace {

using Kind = Change::Kind;
using What = Change::What;

std::vector<Change> changes(const std::string& before, const std::string& after) {
  return diff(loaded(before), loaded(after));
}

// A line each, without the effects.
std::string linesOf(const std::vector<Change>& changes) {
  std::string out;
  for (const Change& change : changes) {
    const std::string line = format(change);
    out += line.substr(0, line.rfind(" (")) + "\n";
  }
  return out;
}

std::string lines(const std::string& before, const std::string& after) {
  return linesOf(changes(before, after));
}

Change only(const std::string& before, const std::string& after) {
  const std::vector<Change> all = changes(before, after);
  CAPTURE(linesOf(all));
  REQUIRE(all.size() == 1);
  return all.front();
}

std::string listener(const std::string& address, const std::string& more = "") {
  return "{ listen: \"" + address + "\", routes: [ { return: 404 } ]" + more + " }";
}

std::string listeners(const std::string& list) { return "listeners: [ " + list + " ]\n"; }

std::string upstreams(const std::string& list) { return withTop("upstreams: { " + list + " }"); }

std::string servers(const std::string& list) {
  return upstreams("api: { servers: [ " + list + " ] }");
}

std::string routes(const std::string& list) {
  return "upstreams: { a: { servers: [ 127.0.0.1:1 ] }, b: { servers: [ 127.0.0.1:1 ] } }\n"
         "listeners: [ { listen: 127.0.0.1:80, routes: [ " +
         list + " ] } ]\n";
}

// What the path of a change of that key has in it.
std::string namedIn(const Block& block, const Key& key) {
  const bool tellsRoutesApart =
      &block == &schema::route() && (key.name == "server_name" || key.name == "location");
  if (tellsRoutesApart) return "routes";
  if (key.name == "service") return "servers";  // it tells servers apart
  return &block == &schema::soKeepalive() ? "so_keepalive" : std::string(key.name);
}

// Are these two ways to say the same?
bool isNoChange(const std::string& before, const std::string& after) {
  return changes(before, after).empty() && changes(after, before).empty();
}

}  // namespace

TEST_CASE("a file changes nothing in itself") {
  const LoadResult all = loadFile(OXBOW_SOURCE_ROOT "/conf/examples/all-keys.yaml");
  REQUIRE(all.config.has_value());
  CHECK(diff(*all.config, *all.config).empty());
}

TEST_CASE("every key is noticed, on the way there and back") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      const bool isInTheFixture = key.name == "proxy_pass" || key.defaultText == "required";
      if (hasOneValue(key) || isInTheFixture) continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      const Config with = loaded(fileWith(*block, lineOf(key, key.example)));
      const Config without = loaded(fileWith(*block, ""));
      for (const auto& all : {diff(without, with), diff(with, without)}) {
        REQUIRE_FALSE(all.empty());
        for (const Change& change : all) CHECK_FALSE(change.effect.empty());
        CHECK(std::any_of(all.begin(), all.end(), [&](const Change& change) {
          return change.path.find(namedIn(*block, key)) != std::string::npos;
        }));
      }
    }
}

TEST_CASE("a default that is spelled out is no change") {
  for (const Block* block : schema::blocks())
    for (const Key& key : block->keys) {
      if (key.defaultText == "none" || key.defaultText == "required") continue;
      CAPTURE(block->name);
      CAPTURE(key.name);
      CHECK(isNoChange(fileWith(*block, ""), fileWith(*block, lineOf(key, key.defaultText))));
    }
}

TEST_CASE("the same value in other words is no change") {
  CHECK(isNoChange(withTop("shutdown_timeout: 60s"), withTop("shutdown_timeout: 1m")));
  CHECK(isNoChange(withTop("proxy_buffers_total: 1024m"), withTop("proxy_buffers_total: 1g")));
  CHECK(isNoChange(withListener("    x_forwarded_for: off"),
                   withListener("    x_forwarded_for: no")));
  CHECK(isNoChange(withUpstream("    so_keepalive: on"), withUpstream("    so_keepalive: {}")));
  CHECK(isNoChange(withTop("workers: auto"), withTop("")));
  CHECK(isNoChange(servers("127.0.0.1:1"), servers("{ server: 127.0.0.1:1, weight: 1 }")));
  CHECK(isNoChange(routes("{ return: 404 }"), routes("{ location: /, return: { status: 404 } }")));
  CHECK(isNoChange(listeners(listener("*:80")), listeners(listener("0.0.0.0:80"))));
}

TEST_CASE("servers are the same by address, of either case and in any order") {
  CHECK(isNoChange(servers("API.internal:80, \"[::A]:80\", unix:/b"),
                   servers("unix:/b, \"[::a]:80\", api.internal:80")));
  CHECK(lines(servers("a:1, b:1"), servers("a:2, b:1")) ==
        "- upstreams.api.servers a:1\n+ upstreams.api.servers a:2\n");
  CHECK(lines(servers("unix:/b"), servers("unix:/B")) ==
        "- upstreams.api.servers unix:/b\n+ upstreams.api.servers unix:/B\n");
  CHECK(lines(servers("\"[::1]:80\""), servers("{ server: \"[::1]:80\", weight: 3 }")) ==
        "~ upstreams.api.servers [::1]:80 weight: 1 -> 3\n");
}

TEST_CASE("servers of SRV records are the same by the name of these") {
  const std::string records = "_http._tcp.api.internal";
  CHECK(isNoChange(servers(records), servers("{ server: API.internal, service: http }")));
  CHECK(isNoChange(servers(records), servers("{ server: api.internal, service: _http._tcp }")));
  CHECK(lines(servers(records), servers("{ server: api.internal, service: http, weight: 3 }")) ==
        "~ upstreams.api.servers _http._tcp.api.internal weight: 1 -> 3\n");
  CHECK(lines(servers("api.internal:80"), servers(records)) ==
        "- upstreams.api.servers api.internal:80\n"
        "+ upstreams.api.servers _http._tcp.api.internal\n");
  CHECK(lines(servers("{ server: a, service: http }"), servers("{ server: a, service: admin }")) ==
        "- upstreams.api.servers _http._tcp.a\n+ upstreams.api.servers _admin._tcp.a\n");
}

TEST_CASE("a server that moves to another upstream leaves one and joins the other") {
  CHECK(lines(upstreams("a: { servers: [ x:1, y:1 ] }, b: { servers: [ z:1 ] }"),
              upstreams("b: { servers: [ z:1, y:1 ] }, a: { servers: [ x:1 ] }")) ==
        "+ upstreams.b.servers y:1\n- upstreams.a.servers y:1\n");
}

TEST_CASE("an upstream that comes or goes is one change") {
  const std::string one = upstreams("a: { servers: [ x:1 ] }");
  const std::string two =
      upstreams("a: { servers: [ x:1 ] }, b: { servers: [ y:1 ], keepalive: 3 }");
  CHECK(lines(one, two) == "+ upstreams.b\n");
  CHECK(lines(two, one) == "- upstreams.b\n");
  CHECK(lines(withTop(""), one) == "+ upstreams.a\n");
  CHECK(lines(one, withTop("")) == "- upstreams.a\n");
}

TEST_CASE("listeners are the same by address, in any order") {
  const std::string both = listeners(listener("127.0.0.1:1") + ", " + listener("unix:/a"));
  CHECK(isNoChange(both, listeners(listener("unix:/a") + ", " + listener("127.0.0.1:1"))));
  CHECK(lines(both, listeners(listener("127.0.0.1:2") + ", " + listener("unix:/a"))) ==
        "- listeners 127.0.0.1:1\n+ listeners 127.0.0.1:2\n");
  CHECK(lines(both,
              listeners(listener("unix:/a", ", backlog: 5") + ", " + listener("127.0.0.1:1"))) ==
        "~ listeners unix:/a backlog: 1024 -> 5\n");
}

TEST_CASE("of listeners on ports that the kernel chooses the first is the first") {
  const std::string any = "127.0.0.1:0";
  const std::string two = listeners(listener(any) + ", " + listener(any, ", backlog: 5"));
  CHECK(isNoChange(two, two));
  CHECK(lines(two, listeners(listener(any))) == "- listeners 127.0.0.1:0\n");
  CHECK(lines(two, listeners(listener(any) + ", " + listener(any, ", backlog: 6"))) ==
        "~ listeners 127.0.0.1:0 backlog: 5 -> 6\n");
}

TEST_CASE("routes are the same by hosts and location, in any order") {
  const std::string first = "{ server_name: [ x.y, \"*.z\" ], location: /p, proxy_pass: a }";
  const std::string second = "{ location: /p, proxy_pass: b }";
  CHECK(isNoChange(
      routes(first + ", " + second),
      routes(second + ", { server_name: [ \"*.z\", X.y ], location: /p, proxy_pass: a }")));
  CHECK(lines(routes(first + ", " + second),
              routes("{ server_name: x.y, location: /p, proxy_pass: a }, " + second)) ==
        "- listeners 127.0.0.1:80 routes *.z,x.y/p\n+ listeners 127.0.0.1:80 routes x.y/p\n");
  CHECK(lines(routes(second), routes("{ location: /p, proxy_pass: a }")) ==
        "~ listeners 127.0.0.1:80 routes /p proxy_pass: b -> a\n");
  CHECK(lines(routes(second), routes("{ location: /q, proxy_pass: b }")) ==
        "- listeners 127.0.0.1:80 routes /p\n+ listeners 127.0.0.1:80 routes /q\n");
}

TEST_CASE("fields are compared one by one") {
  const auto with = [](const std::string& edits) {
    return routes("{ proxy_pass: a" + (edits.empty() ? "" : ", " + edits) + " }");
  };
  const std::string path = "~ listeners 127.0.0.1:80 routes / ";
  CHECK(lines(with(""), with("add_header: { A: x, B: y }")) ==
        path + "add_header: none -> { A: \"x\", B: \"y\" }\n");
  CHECK(lines(with("add_header: { A: x, B: y, C: z }"), with("add_header: { D: w, B: v, A: x }")) ==
        path + "add_header.C: \"z\" -> none\n" + path + "add_header.D: none -> \"w\"\n" + path +
            "add_header.B: \"y\" -> \"v\"\n");
  CHECK(lines(with("proxy_set_header: { A: x }"), with("proxy_set_header: { A: \"\" }")) ==
        path + "proxy_set_header.A: \"x\" -> \"\"\n");
  // That a secret is another one is told, and no more.
  CHECK(lines(with("proxy_set_header: { Authorization: x }"),
              with("proxy_set_header: { Authorization: y }")) ==
        path + "proxy_set_header.Authorization: \"(hidden)\" -> \"(hidden)\"\n");
  CHECK(lines(with(""), with("add_header: { Set-Cookie: x, B: \"Bearer y\" }")) ==
        path + "add_header: none -> { Set-Cookie: \"(hidden)\", B: \"(hidden)\" }\n");
  CHECK(isNoChange(with("proxy_hide_header: [ A, b ]"), with("proxy_hide_header: [ B, a ]")));
}

TEST_CASE("a mapping that is not there before is one change, one that is there is many") {
  const auto log = [](const std::string& text) { return withListener("    access_log: " + text); };
  CHECK(lines(log("off"), log("{ format: text }")) ==
        "~ listeners 127.0.0.1:0 access_log: off -> { path: stdout, format: text, keys: none, "
        "sample: 1, errors: off, slow: 0s }\n");
  CHECK(lines(log("{ format: text }"), log("{ path: stderr }")) ==
        "~ listeners 127.0.0.1:0 access_log.path: stdout -> stderr\n"
        "~ listeners 127.0.0.1:0 access_log.format: text -> json\n");
  CHECK(lines(log("{ errors: on }"), log("{ sample: 0.25, keys: [ time, status ] }")) ==
        "~ listeners 127.0.0.1:0 access_log.keys: none -> [ time, status ]\n"
        "~ listeners 127.0.0.1:0 access_log.sample: 1 -> 0.25\n"
        "~ listeners 127.0.0.1:0 access_log.errors: 400 -> off\n");
  CHECK(lines(withTop("admin: { listen: 127.0.0.1:1 }"), withTop("")) ==
        "~ admin: { listen: 127.0.0.1:1, allow_remote: off, token_file: none, allowed_hosts: none "
        "... -> none\n");
  CHECK(lines(withTop("admin: { listen: 127.0.0.1:1 }"), withTop("admin: { listen: unix:/a }")) ==
        "~ admin.listen: 127.0.0.1:1 -> unix:/a\n");
}

TEST_CASE("listeners, upstreams with their servers, routes, keys: in this order") {
  const std::string before =
      "log_level: info\n"
      "upstreams:\n"
      "  a: { servers: [ x:1 ], keepalive: 5 }\n"
      "  gone: { servers: [ x:1 ] }\n"
      "listeners:\n"
      "  - { listen: 127.0.0.1:1, routes: [ { return: 404 } ] }\n"
      "  - { listen: 127.0.0.1:2, routes: [ { return: 404 } ] }\n";
  const std::string after =
      "log_level: warn\n"
      "upstreams:\n"
      "  new: { servers: [ x:1 ] }\n"
      "  a: { servers: [ x:1, y:1 ], keepalive: 6 }\n"
      "listeners:\n"
      "  - { listen: 127.0.0.1:3, routes: [ { return: 404 } ] }\n"
      "  - { listen: 127.0.0.1:1, max_headers: 9,\n"
      "      routes: [ { return: 204 }, { location: /n, return: 404 } ] }\n";
  CHECK(lines(before, after) ==
        "- listeners 127.0.0.1:2\n"
        "+ listeners 127.0.0.1:3\n"
        "- upstreams.gone\n"
        "+ upstreams.new\n"
        "+ upstreams.a.servers y:1\n"
        "+ listeners 127.0.0.1:1 routes /n\n"
        "~ log_level: info -> warn\n"
        "~ upstreams.a.keepalive: 5 -> 6\n"
        "~ listeners 127.0.0.1:1 max_headers: 100 -> 9\n"
        "~ listeners 127.0.0.1:1 routes / return.status: 404 -> 204\n");
}

TEST_CASE("a change says of what it is, where it stands and what becomes of connections") {
  const Change key = only(withUpstream("    max_conns: 50"), withUpstream("    max_conns: 20"));
  CHECK(key.kind == Kind::Changed);
  CHECK(key.what == What::Key);
  CHECK(key.path == "upstreams.api.max_conns");
  CHECK(key.before == "50");
  CHECK(key.after == "20");
  CHECK(key.place == Place{4, 16});
  CHECK_FALSE(key.needsRestart);
  const Change server = only(servers("a:1"), servers("a:1, b:1"));
  CHECK(server.kind == Kind::Added);
  CHECK(server.what == What::Server);
  CHECK(server.before.empty());
  CHECK(server.place.line == 1);
  CHECK(server.effect == "new connections go there too");
  const Change gone = only(servers("a:1, b:1"), servers("a:1"));
  CHECK(gone.kind == Kind::Removed);
  CHECK(gone.place == Place{});
  const Change toDefault = only(withUpstream("    max_conns: 50"), withUpstream(""));
  CHECK(toDefault.after == "0");
  CHECK(toDefault.place == Place{});
}

TEST_CASE("lowering a cap is not raising it, and none at all is the highest") {
  const auto effect = [](const std::string& from, const std::string& to) {
    return only(withUpstream("    max_conns: " + from), withUpstream("    max_conns: " + to))
        .effect;
  };
  const std::string_view lower = "idle connections beyond it close; active ones finish";
  const std::string_view higher = "who waits may open connections at once";
  CHECK(effect("50", "20") == lower);
  CHECK(effect("20", "50") == higher);
  CHECK(effect("9", "10") == higher);
  CHECK(effect("0", "50") == lower);
  CHECK(effect("50", "0") == higher);
  const auto own = [](const std::string& cap) {
    return servers("{ server: \"a:1\"" + (cap.empty() ? "" : ", max_conns: " + cap) + " }");
  };
  CHECK(only(own("5"), own("4")).effect == lower);
  CHECK(only(own("5"), own("0")).effect == higher);
  CHECK(only(own(""), own("4")).effect.find("in place of the upstream's") != std::string::npos);
  CHECK(only(own("4"), own("")).effect.find("the upstream's holds") != std::string::npos);
}

TEST_CASE("a change as a line") {
  CHECK(format(only(withUpstream("    max_conns: 50"), withUpstream("    max_conns: 20"))) ==
        "~ upstreams.api.max_conns: 50 -> 20 (idle connections beyond it close; active ones "
        "finish)");
  CHECK(format(only(servers("127.0.0.1:3000"), servers("127.0.0.1:3000, 127.0.0.1:3001"))) ==
        "+ upstreams.api.servers 127.0.0.1:3001 (new connections go there too)");
  CHECK(format(only(listeners(listener("127.0.0.1:1") + ", " + listener("127.0.0.1:8081")),
                    listeners(listener("127.0.0.1:1")))) ==
        "- listeners 127.0.0.1:8081 (accepts no more; its clients finish)");
}

TEST_CASE("a line stays a line: long values are cut and control characters escaped") {
  const auto answer = [](const std::string& body) {
    return routes("{ return: { status: 200, body: \"" + body + "\" } }");
  };
  const Change change = only(answer("a"), answer("b\\n" + std::string(5000, 'x')));
  CHECK(change.after.size() == 5004);  // the quotes and the line's end too
  const std::string line = format(change);
  CHECK(line.find("\"a\" -> \"b\\x0axxx") != std::string::npos);
  CHECK(line.find("x... (") != std::string::npos);
  CHECK(line.size() < 300);
  const std::string far = "/" + std::string(3000, 'p');
  const Change route = only(routes("{ return: 404 }"),
                            routes("{ return: 404 }, { location: " + far + ", return: 404 }"));
  CHECK(format(route).size() < 300);
}

TEST_CASE("workers need a restart") {
  const std::vector<Change> all =
      diff(loaded(withTop("workers: 1")), loaded(withTop("workers: 4")));
  REQUIRE(all.size() == 1);
  CHECK(all[0].needsRestart);
  CHECK(format(all[0]) == "~ workers: 1 -> 4 (needs a restart; not applied)");
  CHECK(summaryOf(all) == "1 change: 0 added, 0 removed, 1 changed; 1 needs a restart");
}

TEST_CASE("changes are counted by kind") {
  CHECK(summaryOf({}) == "no changes");
  CHECK(summaryOf(changes(upstreams("a: { servers: [ x:1, y:1 ] }"),
                          upstreams("a: { servers: [ x:1, z:1, w:1 ], keepalive: 3 }"))) ==
        "4 changes: 2 added, 1 removed, 1 changed");
}

}  // namespace oxbow::config
