// docs/bad-inputs.md, part A: what is wrong with the request line and the target.

#include <doctest/doctest.h>

#include "tests/integration/support/bad_input.h"

using namespace std::string_literals;

namespace oxbow::integration {

namespace {

// A request line, and a head that is fine otherwise.
std::string line(const std::string& text) { return text + "\r\nHost: a\r\n\r\n"; }

std::string targetLine(const Message& request) { return request.startLine; }

}  // namespace

TEST_CASE_FIXTURE(Refusing, "A.10 a request line that ends with LF or CR alone") {
  checkRefused("LF", "GET / HTTP/1.1\nHost: a\r\n\r\n");
  checkRefused("LF everywhere", "GET / HTTP/1.1\nHost: a\n\n");
  checkRefused("CR", "GET / HTTP/1.1\rHost: a\r\n\r\n");
  checkRefused("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n");
  checkRefused("an empty line of LF before it", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  checkRefused("a CR before it", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST_CASE_FIXTURE(Refusing, "A.13 a target with a byte that no target has") {
  checkRefused("#", line("GET /a#b HTTP/1.1"));
  checkRefused("space", line("GET /a b HTTP/1.1"));
  checkRefused("two spaces before it", line("GET  / HTTP/1.1"));
  checkRefused("two spaces behind it", line("GET /  HTTP/1.1"));
  checkRefused("tab", line("GET /a\tb HTTP/1.1"));
  checkRefused("NUL", line("GET /a\0b HTTP/1.1"s));
  checkRefused("US", line("GET /a\x1f HTTP/1.1"));
  checkRefused("DEL", line("GET /a\x7f HTTP/1.1"));
  checkRefused("CR", line("GET /a\rb HTTP/1.1"));
  checkRefused("0x80", line("GET /a\x80 HTTP/1.1"));
  checkRefused("0xff in the query", line("GET /?q=\xff HTTP/1.1"));
  checkRefused("no slash", line("GET a HTTP/1.1"));
  checkRefused("a query alone", line("GET ?a HTTP/1.1"));
  checkRefused("an asterisk of a GET", line("GET * HTTP/1.1"));
  checkRefused("none", line("GET  HTTP/1.1"));
}

TEST_CASE_FIXTURE(Refusing, "A.14 dot-segments, also percent-encoded") {
  const char* const paths[] = {
      "/..",       "/.",          "/a/../b", "/a/./b", "/a/..",       "/a/.",        "/a/..?q",
      "/%2e%2e/b", "/%2E%2E/b",   "/.%2e/b", "/%2e/b", "/a/%2e%2e",   "/a%2f../b",   "/a/..%2fb",
      "/a/..%2Fb", "/a%5c..%5cb", "/..;/b",  "/.;/b",  "/a/..;x=y/b", "/a/%2e%2e;/b"};
  for (const std::string path : paths) checkRefused(path, line("GET " + path + " HTTP/1.1"));
  checkRefused("in the absolute form", line("GET http://a/x/../y HTTP/1.1"));
}

TEST_CASE_FIXTURE(Forwarding, "A.14 paths are forwarded as they are") {
  for (const std::string path :
       {"//", "//a", "/a//b", "/a;b", "/...", "/..a", "/a..", "/.a", "/%41", "/%2f", "/a%2Fb", "/;",
        "/a/;x/b", "/?/../", "/?a=..", "/%"}) {
    CAPTURE(path);
    CHECK(targetLine(forwarded(line("GET " + path + " HTTP/1.1"))) == "GET " + path + " HTTP/1.1");
  }
}

TEST_CASE("A.14 allow_dot_segments lets them through untouched") {
  Forwarding pair({.routes = "- { proxy_pass: up, allow_dot_segments: on }"});
  for (const std::string path : {"/a/../b", "/..", "/%2e%2e/", "/a/..;/b"}) {
    CAPTURE(path);
    CHECK(targetLine(pair.forwarded(line("GET " + path + " HTTP/1.1"))) ==
          "GET " + path + " HTTP/1.1");
  }
}

TEST_CASE("A.14 the route is chosen on the bytes that are forwarded") {
  Forwarding pair({.routes = "- { location: /admin, return: 403 }\n- { proxy_pass: up }"});
  pair.checkAnswered(line("GET /admin/x HTTP/1.1"), 403);
  // Who decodes these decodes them behind the upstream's own checks, not behind ours.
  for (const std::string path : {"//admin", "/%61dmin", "/;/admin", "/ADMIN", "/x/admin"}) {
    CAPTURE(path);
    CHECK(targetLine(pair.forwarded(line("GET " + path + " HTTP/1.1"))) ==
          "GET " + path + " HTTP/1.1");
  }
}

TEST_CASE_FIXTURE(Refusing, "A.15 CONNECT and TRACE") {
  checkRefused("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405);
  checkRefused("CONNECT of a path", line("CONNECT / HTTP/1.1"), 405);
  checkRefused("TRACE", line("TRACE / HTTP/1.1"), 405);
}

TEST_CASE_FIXTURE(Refusing, "A.15 a method over 32 bytes") {
  checkRefused("33 bytes", line(std::string(33, 'M') + " / HTTP/1.1"), 501);
}

TEST_CASE_FIXTURE(Forwarding, "A.15 a method of 32 bytes passes") {
  const std::string method(32, 'M');
  CHECK(targetLine(forwarded(line(method + " / HTTP/1.1"))) == method + " / HTTP/1.1");
}

TEST_CASE_FIXTURE(Forwarding, "A.15 methods are compared with case") {
  CHECK(targetLine(forwarded(line("connect / HTTP/1.1"))) == "connect / HTTP/1.1");
}

TEST_CASE_FIXTURE(Refusing, "A.15 the refusal of a method names those that are allowed") {
  RawClient client(oxbow.address());
  CHECK(client.ask(line("TRACE / HTTP/1.1")).has("Allow"));
}

TEST_CASE_FIXTURE(Refusing, "A.16 HTTP/0.9") {
  checkRefused("no version", "GET /\r\n");
  checkRefused("no version, with a Host", "GET /\r\nHost: a\r\n\r\n");
  checkRefused("no version, but the space", "GET / \r\nHost: a\r\n\r\n");
}

TEST_CASE_FIXTURE(Refusing, "A.16 versions that are none of HTTP/1") {
  checkRefused("2.0", line("GET / HTTP/2.0"), 505);
  checkRefused("1.10", line("GET / HTTP/1.10"), 505);
  checkRefused("1.2", line("GET / HTTP/1.2"), 505);
  checkRefused("3.0", line("GET / HTTP/3.0"), 505);
  checkRefused("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
}

TEST_CASE_FIXTURE(Refusing, "A.16 versions that are malformed") {
  checkRefused("lower case", line("GET / http/1.1"));
  checkRefused("no dot", line("GET / HTTP/11"));
  checkRefused("no major", line("GET / HTTP/.1"));
  checkRefused("no minor", line("GET / HTTP/1."));
  checkRefused("another protocol", line("GET / HTTPS/1.1"));
  checkRefused("something behind it", line("GET / HTTP/1.1 x"));
  checkRefused("a letter", line("GET / HTTP/1.x"));
}

TEST_CASE_FIXTURE(Refusing, "A.23 a request line over 8 KiB") {
  const std::string most(8192 - std::string("GET / HTTP/1.1\r\n").size(), 'x');
  checkRefused("one byte over", line("GET /" + most + "x HTTP/1.1"), 414);
  checkRefused("of 64 KiB", line("GET /" + std::string(64 << 10, 'x') + " HTTP/1.1"), 414);
  checkRefused("without an end", "GET /" + std::string(9000, 'x'), 414);
}

TEST_CASE_FIXTURE(Forwarding, "A.23 a request line of 8 KiB") {
  const std::string most(8192 - std::string("GET / HTTP/1.1\r\n").size(), 'x');
  CHECK(targetLine(forwarded(line("GET /" + most + " HTTP/1.1"))) == "GET /" + most + " HTTP/1.1");
}

TEST_CASE_FIXTURE(Forwarding, "A.25 one or two empty lines before a request are skipped") {
  CHECK(targetLine(forwarded("\r\n" + get("/one"))) == "GET /one HTTP/1.1");
  CHECK(targetLine(forwarded("\r\n\r\n" + get("/two"))) == "GET /two HTTP/1.1");
}

TEST_CASE_FIXTURE(Refusing, "A.25 more empty lines") {
  checkRefused("three", "\r\n\r\n\r\n" + get("/x"));
  checkRefused("many", std::string(500, '\r') + get("/x"));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "\r\n";
  checkRefused("a thousand", many + get("/x"));
}

}  // namespace oxbow::integration
