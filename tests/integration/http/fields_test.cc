// Which fields are added, taken away and changed, and where requests go.

#include <doctest/doctest.h>

#include <cmath>
#include <ctime>

#include "tests/integration/support/bad_input.h"

namespace oxbow::integration {

namespace {

bool isHex32(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Forwarding, "what a request gets on its way") {
  const Message got = forwarded(get("/path", "User-Agent: t\r\nAccept: */*\r\n"));
  CHECK(got.field("Host") == "a");
  CHECK(got.field("User-Agent") == "t");
  CHECK(got.field("Accept") == "*/*");
  CHECK(got.field("Via") == "1.1 oxbow");
  CHECK(got.field("X-Forwarded-For") == "127.0.0.1");
  CHECK(got.field("X-Forwarded-Proto") == "http");
  CHECK(got.field("X-Forwarded-Host") == "a");
  CHECK(isHex32(got.field("X-Request-ID")));
  CHECK(got.fields.size() == 8);
}

TEST_CASE_FIXTURE(Forwarding, "Via names the version that came, behind those before it") {
  const Message got = forwarded("GET / HTTP/1.0\r\nHost: a\r\nVia: 1.1 edge\r\n\r\n");
  CHECK(got.count("Via") == 2);
  CHECK(got.field("Via") == "1.1 edge");
  CHECK(got.fields[1].second != got.fields.back().second);
  bool ours = false;
  for (const auto& [name, value] : got.fields) ours |= name == "Via" && value == "1.0 oxbow";
  CHECK(ours);
}

TEST_CASE("the added fields can be named and turned off") {
  Forwarding pair({.listener = "via: edge-1\nx_forwarded_for: off\nx_forwarded_proto: off\n"
                               "x_forwarded_host: off"});
  const Message got = pair.forwarded(get("/", "X-Forwarded-For: 6.6.6.6\r\n"));
  CHECK(got.field("Via") == "1.1 edge-1");
  for (const std::string name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"}) {
    CAPTURE(name);
    CHECK_FALSE(got.has(name));
  }
}

TEST_CASE("via: off") {
  Forwarding pair({.listener = "via: off"});
  CHECK_FALSE(pair.forwarded(get()).has("Via"));
}

TEST_CASE("trusted_hops: what proxies in front say is carried on") {
  Forwarding pair({.listener = "trusted_hops: 1",
                   .routes = "- { proxy_pass: up, proxy_set_header: { X-Client: $remote_addr } }"});
  const Message got =
      pair.forwarded(get("/",
                         "X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-Proto: https\r\n"
                         "X-Forwarded-Host: shop.example\r\nForwarded: for=2.2.2.2\r\n"));
  CHECK(got.field("X-Forwarded-For") == "1.1.1.1, 2.2.2.2, 127.0.0.1");
  CHECK(got.count("X-Forwarded-For") == 1);
  CHECK(got.field("X-Forwarded-Proto") == "https");
  CHECK(got.field("X-Forwarded-Host") == "shop.example");
  CHECK(got.field("Forwarded") == "for=2.2.2.2");
  // The hop in front wrote the last entry; what stands left of it may be anybody's.
  CHECK(got.field("X-Client") == "2.2.2.2");
}

TEST_CASE("trusted_hops: two of them, fewer entries, and junk") {
  Forwarding pair({.listener = "trusted_hops: 2",
                   .routes = "- { proxy_pass: up, proxy_set_header: { X-Client: $remote_addr } }"});
  const auto clientOf = [&pair](const std::string& lines) {
    return pair.forwarded(get("/", lines)).field("X-Client");
  };
  CHECK(clientOf("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3\r\n") == "2.2.2.2");
  CHECK(clientOf("X-Forwarded-For: 3.3.3.3\r\n") == "3.3.3.3");
  CHECK(clientOf("X-Forwarded-For: junk, 3.3.3.3\r\n") == "3.3.3.3");
  CHECK(clientOf("X-Forwarded-For: junk\r\n") == "127.0.0.1");
  CHECK(clientOf("") == "127.0.0.1");
  CHECK(clientOf("X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n") == "2.2.2.2");
}

TEST_CASE("trusted_hops: an empty X-Forwarded-For is no element of the list") {
  Forwarding pair({.listener = "trusted_hops: 1"});
  const auto listOf = [&pair](const std::string& lines) {
    return pair.forwarded(get("/", lines)).field("X-Forwarded-For");
  };
  CHECK(listOf("X-Forwarded-For:\r\n") == "127.0.0.1");
  CHECK(listOf("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: \r\n") == "1.1.1.1, 127.0.0.1");
}

TEST_CASE("trusted_hops: $remote_addr is the same client in a fixed answer") {
  Oxbow oxbow(Setup{.servers = {"127.0.0.1:1"},
                    .listener = "trusted_hops: 1",
                    .routes = "- { return: 204, add_header: { X-Client: $remote_addr } }"});
  RawClient client(oxbow.address());
  CHECK(client.ask(get("/", "X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n")).field("X-Client") ==
        "2.2.2.2");
}

TEST_CASE_FIXTURE(Forwarding, "the request id is taken over when it is fit to print") {
  CHECK(forwarded(get("/", "X-Request-ID: abc-123.x:y/z+=_\r\n")).field("X-Request-ID") ==
        "abc-123.x:y/z+=_");
  CHECK(forwarded(get("/", "X-Request-ID: " + std::string(128, 'a') + "\r\n"))
            .field("X-Request-ID") == std::string(128, 'a'));
  for (const std::string& bad : {std::string("a b"), std::string("a\"b"), std::string("<x>"),
                                 std::string(), std::string("\xc3\xa9"), std::string(129, 'a')}) {
    CAPTURE(bad);
    const Message got = forwarded(get("/", "X-Request-ID: " + bad + "\r\n"));
    CHECK(got.count("X-Request-ID") == 1);
    CHECK(isHex32(got.field("X-Request-ID")));
  }
}

TEST_CASE_FIXTURE(Forwarding, "one request id goes on, and it is one that was looked at") {
  const auto idOf = [this](const std::string& first, const std::string& second) {
    const Message got = forwarded(
        get("/", "X-Request-ID: " + first + "\r\nA: b\r\nx-request-id: " + second + "\r\n"));
    CHECK(got.count("X-Request-ID") == 1);
    return got.field("X-Request-ID");
  };
  CHECK(idOf("good-1", "<script>") == "good-1");
  CHECK(idOf("good-1", "good-2") == "good-1");
  CHECK(isHex32(idOf("<script>", "good-2")));
}

TEST_CASE_FIXTURE(Forwarding, "request ids differ") {
  CHECK(forwarded(get()).field("X-Request-ID") != forwarded(get()).field("X-Request-ID"));
}

TEST_CASE("fields of the response: hop-by-hop ones go, the others stay as they are") {
  FakeUpstream upstream(answering(
      "HTTP/1.1 200 Fine\r\nConnection: X-Hop, Set-Cookie, keep-alive\r\nX-Hop: 1\r\n"
      "Keep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nSet-Cookie: a=1\r\n"
      "Set-Cookie: b=2\r\nX_Under: 1\r\nserver: s\r\nContent-Length: 2\r\n\r\nok"));
  Oxbow oxbow(Setup{.servers = {upstream.address()}});
  RawClient client(oxbow.address());
  const Message answer = client.ask(get());
  CHECK(answer.startLine == "HTTP/1.1 200 Fine");
  for (const std::string name :
       {"Connection", "X-Hop", "Keep-Alive", "Upgrade", "Proxy-Connection"}) {
    CAPTURE(name);
    CHECK_FALSE(answer.has(name));
  }
  CHECK(answer.count("Set-Cookie") == 2);
  CHECK(answer.field("X_Under") == "1");
  CHECK(answer.field("Server") == "s");
}

namespace {

// As RFC 9110, section 5.6.7, wants it; and of now, give or take.
bool isDateOfNow(const std::string& date) {
  tm utc{};
  const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return date.size() == 29 && end != nullptr && *end == '\0' &&
         std::abs(std::difftime(timegm(&utc), std::time(nullptr))) <= 60;
}

}  // namespace

TEST_CASE("a response without a date gets one, behind its fields; one that has it keeps it") {
  std::string fields;
  std::string routes = "- { proxy_pass: up }";
  SUBCASE("dated by the server") { fields = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"; }
  SUBCASE("dated by nobody") {}
  SUBCASE("dated by the configuration") {
    routes = "- { proxy_pass: up, add_header: { Date: \"Sun, 06 Nov 1994 08:49:37 GMT\" } }";
  }
  SUBCASE("the server's date hidden") {
    fields = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    routes = "- { proxy_pass: up, proxy_hide_header: Date }";
  }
  const bool kept = routes.find("1994") != std::string::npos ||
                    (!fields.empty() && routes.find("hide") == std::string::npos);
  FakeUpstream upstream(answering("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
                                  ok("x", fields + "X-Last: 1\r\n")));
  Oxbow oxbow(Setup{.servers = {upstream.address()}, .routes = routes});
  RawClient client(oxbow.address());
  const Message answer = client.ask(get());
  REQUIRE(client.informational().size() == 1);
  CHECK_FALSE(client.informational()[0].has("Date"));
  CHECK(answer.count("Date") == 1);
  if (kept)
    CHECK(answer.field("Date") == "Sun, 06 Nov 1994 08:49:37 GMT");
  else
    CHECK(isDateOfNow(answer.field("Date")));
  if (!kept) CHECK(answer.fields.back().first == "Date");
}

TEST_CASE("what oxbow answers by itself has a date") {
  Oxbow oxbow(Setup{.servers = {"127.0.0.1:1"},
                    .routes = "- { location: /fixed, return: 204 }\n"
                              "- { location: /moved, return: { status: 301, location: /x } }\n"
                              "- { location: /up, proxy_pass: up }"});
  RawClient client(oxbow.address());
  for (const auto& [target, status] : {std::pair<std::string, int>{"/fixed", 204},
                                       {"/moved", 301},
                                       {"/up", 502},
                                       {"/none", 404}}) {
    const Message answer = client.ask(get(target));
    CHECK(answer.status() == status);
    CHECK(isDateOfNow(answer.field("Date")));
  }
  CHECK(isDateOfNow(client.ask("nonsense\r\n\r\n").field("Date")));
}

TEST_CASE("proxy_set_header, proxy_hide_header and add_header") {
  FakeUpstream upstream(answering(ok("x", "Server: secret\r\nX-Powered-By: y\r\nX-Keep: 1\r\n")));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .routes =
                        "- proxy_pass: up\n"
                        "  proxy_set_header: { X-Id: $request_id, X-Who: \"$scheme://$host by "
                        "$remote_addr\", Cookie: \"\", Host: inner.example, X-Twice: new }\n"
                        "  proxy_hide_header: [ Server, x-powered-by ]\n"
                        "  add_header: { X-Frame-Options: DENY, X-Seen: $host }\n"});
  RawClient client(oxbow.address());
  const Message answer = client.ask(
      get("/", "Cookie: a=b\r\nX-Twice: old\r\nX-Twice: older\r\nX-Request-ID: id-7\r\n"));
  const Message got = upstream.lastRequest();
  CHECK(got.field("X-Id") == "id-7");
  CHECK(got.field("X-Who") == "http://a by 127.0.0.1");
  CHECK_FALSE(got.has("Cookie"));
  CHECK(got.field("Host") == "inner.example");
  CHECK(got.count("Host") == 1);
  CHECK(got.count("X-Twice") == 1);
  CHECK(got.field("X-Twice") == "new");
  CHECK_FALSE(answer.has("Server"));
  CHECK_FALSE(answer.has("X-Powered-By"));
  CHECK(answer.field("X-Keep") == "1");
  CHECK(answer.field("X-Frame-Options") == "DENY");
  CHECK(answer.field("X-Seen") == "a");
}

TEST_CASE("proxy_set_header has the last word over what oxbow adds by itself") {
  Forwarding pair({.routes = "- proxy_pass: up\n"
                             "  proxy_set_header: { X-Forwarded-For: other, via: \"\", "
                             "X-Request-ID: \"<$request_id>\" }\n"});
  const Message plain = pair.forwarded(get("/", "X-Request-ID: id-7\r\n"));
  CHECK(plain.count("X-Forwarded-For") == 1);
  CHECK(plain.field("X-Forwarded-For") == "other");
  CHECK_FALSE(plain.has("Via"));
  CHECK(plain.count("X-Request-ID") == 1);
  CHECK(plain.field("X-Request-ID") == "<id-7>");
  CHECK(plain.field("X-Forwarded-Proto") == "http");
  const Message made = pair.forwarded(get("/"));
  CHECK(made.count("X-Request-ID") == 1);
  CHECK(made.field("X-Request-ID").size() == 32 + 2);
  CHECK(made.count("X-Forwarded-For") == 1);
  CHECK_FALSE(made.has("Via"));
}

TEST_CASE("proxy_hide_header is for informational responses and trailers too") {
  FakeUpstream upstream(
      answering("HTTP/1.1 103 Early Hints\r\nX-Powered-By: y\r\nLink: </a.css>\r\n\r\n"
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunked("x", "X-Powered-By: y\r\nX-Sum: 1\r\n")));
  Oxbow oxbow(Setup{.servers = {upstream.address()},
                    .routes = "- { proxy_pass: up, proxy_hide_header: x-powered-by }"});
  RawClient client(oxbow.address());
  const Message answer = client.ask(get());
  REQUIRE(client.informational().size() == 1);
  CHECK_FALSE(client.informational()[0].has("X-Powered-By"));
  CHECK(client.informational()[0].field("Link") == "</a.css>");
  CHECK(answer.body == "x");
  CHECK(answer.trailer("X-Powered-By").empty());
  CHECK(answer.trailer("X-Sum") == "1");
}

namespace {

std::string getFrom(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

}  // namespace

TEST_CASE("proxy_set_header: a value is sent whole, or not at all") {
  Forwarding host({.routes = "- { proxy_pass: up, proxy_set_header: { Host: $host } }"});
  Forwarding others({.routes = "- { proxy_pass: up, proxy_set_header: { Host: in-$host, X-A: "
                               "$host, X-B: x-$host, X-C: $host } }"});
  for (const size_t size : {1000, 1025, 4097, 10000, 30000}) {
    CAPTURE(size);
    const std::string name(size, 'h');
    CHECK(same(host.forwarded(getFrom(name)).field("Host"), name));
    RawClient client(others.oxbow.address());
    const Message answer = client.ask(getFrom(name));
    if (answer.status() == 431) continue;
    REQUIRE(answer.status() == 200);
    const Message got = others.upstream.lastRequest();
    CHECK(same(got.field("Host"), "in-" + name));
    CHECK(same(got.field("X-A"), name));
    CHECK(same(got.field("X-B"), "x-" + name));
    CHECK(same(got.field("X-C"), name));
  }
  CHECK(others.upstream.requests() >= 3);
}

TEST_CASE("add_header: everything is added, whole") {
  const std::string edits =
      "add_header: { X-A: $host, X-B: \"a $host\", Strict-Transport-Security: max-age=1 }";
  Forwarding pair({.routes = "- { proxy_pass: up, " + edits +
                             " }\n- { location: /fixed, return: 204, " + edits + " }"});
  const std::string name(30000, 'h');
  for (const std::string path : {"/", "/fixed"}) {
    CAPTURE(path);
    RawClient client(pair.oxbow.address());
    const Message answer = client.ask("GET " + path + " HTTP/1.1\r\nHost: " + name + "\r\n\r\n");
    CHECK(answer.status() / 100 == 2);
    CHECK(same(answer.field("X-A"), name));
    CHECK(same(answer.field("X-B"), "a " + name));
    CHECK(answer.field("Strict-Transport-Security") == "max-age=1");
  }
}

TEST_CASE("add_header: what no head can hold refuses the request beforehand") {
  Forwarding pair({.routes = "- { proxy_pass: up, add_header: { X-A: $host, X-B: $host, X-C: "
                             "$host } }"});
  pair.checkAnswered(getFrom(std::string(30000, 'h')), 431);
}

TEST_CASE("proxy_set_header: a Host that no head can hold") {
  std::string hosts;
  for (int i = 0; i < 100; ++i) hosts += "$host.";
  Forwarding pair({.routes = "- { proxy_pass: up, proxy_set_header: { Host: " + hosts + " } }"});
  CHECK(pair.forwarded(getFrom("a")).field("Host").size() == 200);
  pair.checkAnswered(getFrom(std::string(1000, 'h')), 431);
}

TEST_CASE("rewrite replaces the prefix, the query stays") {
  Forwarding pair({.routes = "- { location: /api/, rewrite: /v1/, proxy_pass: up }\n"
                             "- { location: /old, rewrite: /, proxy_pass: up }\n"
                             "- { proxy_pass: up }"});
  const auto targetOf = [&pair](const std::string& target) {
    const std::string line = pair.forwarded(get(target)).startLine;
    return line.substr(4, line.size() - 13);
  };
  CHECK(targetOf("/api/users?x=/api/") == "/v1/users?x=/api/");
  CHECK(targetOf("/api/") == "/v1/");
  CHECK(targetOf("/apis") == "/apis");
  CHECK(targetOf("/old") == "/");
  CHECK(targetOf("/old/x") == "//x");
  // Joined by the rewriting: neither half had a dot-segment.
  pair.checkAnswered(get("/old../x"), 400);
}

TEST_CASE("return: a fixed answer") {
  Oxbow oxbow(Setup{
      .servers = {"127.0.0.1:1"},
      .routes = "- { location: /gone, return: { status: 410, body: \"no more\", content_type: "
                "text/html } }\n"
                "- { location: /new, return: { status: 301, location: \"https://b.example/\" } }\n"
                "- { location: /empty, return: 204 }\n"});
  RawClient client(oxbow.address());
  const Message gone = client.ask(get("/gone"));
  CHECK(gone.startLine == "HTTP/1.1 410 Gone");
  CHECK(gone.body == "no more");
  CHECK(gone.field("Content-Type") == "text/html");
  const Message moved = client.ask(get("/new"));
  CHECK(moved.status() == 301);
  CHECK(moved.field("Location") == "https://b.example/");
  CHECK(moved.field("Content-Length") == "0");
  CHECK(client.ask(get("/empty")).status() == 204);
  CHECK(client.ask("HEAD /gone HTTP/1.1\r\nHost: a\r\n\r\n", true).field("Content-Length") == "7");
  const Message unknown = client.ask(get("/other"));
  CHECK(unknown.status() == 404);
  CHECK(tokenOf(unknown) == "destination_not_found");
  CHECK(client.ask(get("/empty")).status() == 204);  // none of these closes the connection
}

TEST_CASE("a 204 or 304 that oxbow makes has no length, and the connection goes on") {
  Oxbow oxbow(
      Setup{.servers = {"127.0.0.1:1"},
            .routes = "- { location: /204, return: 204 }\n- { location: /304, return: 304 }\n"});
  RawClient client(oxbow.address());
  for (const std::string status : {"204", "304", "204"}) {
    const Message answer = client.ask(get("/" + status));
    CHECK(std::to_string(answer.status()) == status);
    CHECK_FALSE(answer.has("Content-Length"));  // RFC 9110, section 8.6
  }
}

TEST_CASE("routing by host and longest prefix") {
  Oxbow oxbow(Setup{
      .servers = {"127.0.0.1:1"},
      .routes =
          "- { return: { status: 200, body: any } }\n"
          "- { location: /x, return: { status: 200, body: any-x } }\n"
          "- { location: /x/y, return: { status: 200, body: any-xy } }\n"
          "- { server_name: a.example, return: { status: 200, body: exact } }\n"
          "- { server_name: \"*.example\", return: { status: 200, body: wild } }\n"
          "- { server_name: \"*.b.example\", location: /x, return: { status: 200, body: deep } "
          "}\n"
          "- { server_name: \"[::1]\", return: { status: 200, body: six } }\n"});
  const auto routeOf = [&oxbow](const std::string& host, const std::string& path) {
    RawClient client(oxbow.address());
    return client.ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n").body;
  };
  CHECK(routeOf("other", "/") == "any");
  CHECK(routeOf("other", "/x") == "any-x");
  CHECK(routeOf("other", "/xz") == "any-x");
  CHECK(routeOf("other", "/x/y/z") == "any-xy");
  CHECK(routeOf("other", "/x?/y") == "any-x");
  CHECK(routeOf("a.example", "/") == "exact");
  CHECK(routeOf("A.EXAMPLE:8080", "/x/y") == "exact");
  CHECK(routeOf("a.example.", "/") == "exact");
  CHECK(routeOf("b.example", "/") == "wild");
  CHECK(routeOf("c.b.example", "/x") == "deep");
  CHECK(routeOf("example", "/") == "any");
  CHECK(routeOf("[::1]:80", "/") == "six");
  CHECK(routeOf("xa.example.evil", "/") == "any");
}

TEST_CASE_FIXTURE(Forwarding, "OPTIONS * asks the server as a whole") {
  CHECK(forwarded("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").startLine == "OPTIONS * HTTP/1.1");
  CHECK(forwarded("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").startLine ==
        "OPTIONS * HTTP/1.1");
}

TEST_CASE_FIXTURE(Forwarding, "Max-Forwards of OPTIONS counts the hops") {
  const auto left = [this](const std::string& hops) {
    const Message got =
        forwarded("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: " + hops + "\r\n\r\n");
    CHECK(got.count("Max-Forwards") == 1);
    return got.field("Max-Forwards");
  };
  CHECK(left("5") == "4");
  CHECK(left("1") == "0");
  CHECK(left("010") == "9");
  const std::string most = left("99999999999999999999999");
  CHECK_FALSE(most.empty());
  CHECK(most.size() < 20);
  CHECK(most.find_first_not_of("0123456789") == std::string::npos);
  // Other methods may leave it as it is (RFC 9110, section 7.6.2).
  CHECK(forwarded(get("/", "Max-Forwards: 0\r\n")).field("Max-Forwards") == "0");
  CHECK_FALSE(forwarded("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n").has("Max-Forwards"));
}

TEST_CASE_FIXTURE(Forwarding, "behind the last hop of Max-Forwards oxbow answers itself") {
  RawClient client(oxbow.address());
  for (const std::string target : {"*", "/", "http://a"}) {
    const Message answer =
        client.ask("OPTIONS " + target + " HTTP/1.1\r\nHost: a\r\nmax-forwards: 0\r\n\r\n");
    CHECK(answer.status() == 200);
    CHECK(answer.field("Content-Length") == "0");
    CHECK(answer.field("Allow").find("OPTIONS") != std::string::npos);
  }
  CHECK(client.ask(get()).status() == 200);
  CHECK(upstream.requests() == 1);
}

TEST_CASE_FIXTURE(Forwarding, "A.15 a malformed Max-Forwards") {
  for (const std::string lines :
       {"Max-Forwards:\r\n", "Max-Forwards: -1\r\n", "Max-Forwards: 1x\r\n",
        "Max-Forwards: 1, 2\r\n", "Max-Forwards: 1\r\nMax-Forwards: 1\r\n"}) {
    CAPTURE(lines);
    checkAnswered("OPTIONS / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n", 400);
  }
}

}  // namespace oxbow::integration
