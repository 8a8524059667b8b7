// docs/bad-inputs.md, part A: what is wrong with the fields of a request.

#include <doctest/doctest.h>

#include "tests/integration/support/bad_input.h"

using namespace std::string_literals;

namespace oxbow::integration {

namespace {

constexpr std::string_view kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

// A POST with these lines, and behind it what a laxer reader would take for the next request.
std::string framedBy(const std::string& lines) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n5\r\nhello\r\n0\r\n\r\n" +
         std::string(kSmuggled);
}

// A GET with these lines behind its Host.
std::string withLines(const std::string& lines) { return get("/", lines); }

}  // namespace

TEST_CASE_FIXTURE(Refusing, "A.1 Content-Length with Transfer-Encoding") {
  checkRefused("length first", framedBy("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
  checkRefused("coding first", framedBy("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
  checkRefused("a length of 0", framedBy("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"));
  checkRefused("an unknown coding", framedBy("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"));
  checkRefused("lower case", framedBy("content-length: 5\r\ntransfer-encoding: chunked\r\n"));
  checkRefused("with Connection: Content-Length",
               framedBy("Connection: Content-Length\r\nContent-Length: 5\r\n"
                        "Transfer-Encoding: chunked\r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.2 more than one Content-Length") {
  checkRefused("different", framedBy("Content-Length: 5\r\nContent-Length: 6\r\n"));
  checkRefused("equal", framedBy("Content-Length: 5\r\nContent-Length: 5\r\n"));
  checkRefused("a list", framedBy("Content-Length: 5, 6\r\n"));
  checkRefused("a list of equals", framedBy("Content-Length: 5, 5\r\n"));
  checkRefused("a list with nothing", framedBy("Content-Length: 5,\r\n"));
  checkRefused("far apart", framedBy("Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 6\r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.3 a malformed Content-Length") {
  for (const std::string value :
       {"+5", "-1", "-0", "0x5", "5_0", "5 5", "", " ", "5.", "5.0", "5e1", "five", "\"5\"", "5;",
        "9223372036854775808", "18446744073709551615", "18446744073709551621",
        "99999999999999999999999999999999"})
    checkRefused(value, framedBy("Content-Length: " + value + "\r\n"));
  checkRefused("VT", framedBy("Content-Length: \v5\r\n"));
  checkRefused("digits of another script", framedBy("Content-Length: \xd9\xa5\r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.4 Transfer-Encoding in HTTP/1.0") {
  checkRefused("chunked", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  checkRefused("with Host and keep-alive",
               "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n"
               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                   std::string(kSmuggled));
}

TEST_CASE_FIXTURE(Refusing, "A.5 a malformed Transfer-Encoding") {
  for (const std::string value :
       {"xchunked", "chunkedx", ",chunked", "chunked,", ", chunked", "chunked, identity",
        "chunked, chunked", "chunked;q=1", "chunked gzip", "\"chunked\"", "", "gzip,,chunked",
        "chunked\v", "\vchunked", "chunked\f", "\fchunked", "chu nked", "chunked\x80"})
    checkRefused(value, framedBy("Transfer-Encoding: " + value + "\r\n"));
  checkRefused("NUL", framedBy("Transfer-Encoding: chunked\0\r\n"s));
  checkRefused("two lines",
               framedBy("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
  checkRefused("two lines, the first another",
               framedBy("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"));
  checkRefused("two lines, the last another",
               framedBy("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.5 a transfer coding that is well formed and not chunked") {
  for (const std::string value : {"gzip", "identity", "gzip, chunked", "deflate"})
    checkRefused(value, framedBy("Transfer-Encoding: " + value + "\r\n"), 501);
}

TEST_CASE_FIXTURE(Refusing, "A.6 white space where none may be") {
  checkRefused("before the colon", withLines("X : y\r\n"));
  checkRefused("a tab before the colon", withLines("X\t: y\r\n"));
  checkRefused("before the colon of Content-Length", framedBy("Content-Length : 5\r\n"));
  checkRefused("before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
  checkRefused("a tab before the first field", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n");
  checkRefused("obsolete folding", withLines("X: y\r\n z\r\n"));
  checkRefused("obsolete folding with a tab", withLines("X: y\r\n\tz\r\n"));
  checkRefused("a folded Transfer-Encoding", framedBy("Transfer-Encoding:\r\n chunked\r\n"));
  checkRefused("a line of a space", withLines(" \r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.7 a malformed field name") {
  checkRefused("empty", withLines(": y\r\n"));
  checkRefused("empty, before Content-Length", framedBy(": y\r\nContent-Length: 5\r\n"));
  checkRefused("no colon", withLines("XY\r\n"));
  for (const char byte : "\"(),/;<=>?@[\\]{}"s)
    checkRefused(std::string(1, byte), withLines("X"s + byte + "Y: z\r\n"));
  checkRefused("a space inside", withLines("X Y: z\r\n"));
  checkRefused("NUL", withLines("X\0: z\r\n"s));
  checkRefused("BEL", withLines("X\a: z\r\n"));
  checkRefused("DEL", withLines("X\x7f: z\r\n"));
  checkRefused("0x80", withLines("X\x80: z\r\n"));
  checkRefused("0xff", withLines("\xffX: z\r\n"));
  checkRefused("UTF-8", withLines("Caf\xc3\xa9: z\r\n"));
}

TEST_CASE_FIXTURE(Refusing, "A.8 a field name over the limit") {
  checkRefused("1,024 bytes", withLines(std::string(1024, 'n') + ": v\r\n"), 431);
  checkRefused("65,536 bytes", withLines(std::string(65536, 'n') + ": v\r\n"), 431);
  checkRefused("without an end", "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(2000, 'n'), 431);
}

TEST_CASE_FIXTURE(Forwarding, "A.8 long field names pass whole") {
  for (const size_t length : {255, 256, 257, 1023}) {
    CAPTURE(length);
    const std::string name(length, 'n');
    // With the framing behind it: a name whose length wraps around would hide it.
    const Message got = forwarded("POST / HTTP/1.1\r\nHost: a\r\n" + name +
                                  ": v\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(got.field(name) == "v");
    CHECK(got.body == "hello");
  }
}

TEST_CASE_FIXTURE(Refusing, "A.9 a control in a field value") {
  checkRefused("NUL", withLines("X: a\0b\r\n"s));
  checkRefused("CR", withLines("X: a\rb\r\n"));
  checkRefused("LF", withLines("X: a\nb\r\n"));
  checkRefused("LF and a field", withLines("X: a\nContent-Length: 5\r\n"));
  for (int byte = 1; byte < 0x20; ++byte) {
    if (byte == '\t' || byte == '\r' || byte == '\n') continue;
    checkRefused("control " + std::to_string(byte),
                 withLines("X: a"s + static_cast<char>(byte) + "b\r\n"));
  }
  checkRefused("DEL", withLines("X: a\x7f\r\n"));
}

TEST_CASE_FIXTURE(Forwarding, "A.9 tabs and bytes from 0x80 may stand in a value") {
  CHECK(forwarded(withLines("X: a\tb \x80\xff\r\n")).field("X") == "a\tb \x80\xff");
}

TEST_CASE_FIXTURE(Refusing, "A.10 a field line that ends with LF or CR alone") {
  checkRefused("LF", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n");
  checkRefused("CR", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n");
  checkRefused("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n");
  checkRefused("an empty line of LF", "GET / HTTP/1.1\r\nHost: a\r\n\n");
  checkRefused("an empty line of CR and another byte", "GET / HTTP/1.1\r\nHost: a\r\n\rX");
}

TEST_CASE_FIXTURE(Refusing, "A.11 Host missing, twice or malformed") {
  checkRefused("missing in HTTP/1.1", "GET / HTTP/1.1\r\n\r\n");
  checkRefused("missing, absolute form", "GET http://a/ HTTP/1.1\r\n\r\n");
  checkRefused("twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  checkRefused("twice the same", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n");
  checkRefused("twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
  for (const std::string value :
       {"u@a",      "u:p@a", "a/",      "a/b",     "a,b",  "a, b", "a b",    "",
        "a:x",      "a:-1",  "a:65536", "a:80:80", ":80",  "[::1", "[::1]x", "[::g]",
        "http://a", "a?b",   "a#b",     "a\\b",    "a\"b", "<a>",  "%",      "%4"})
    checkRefused(value, "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n");
}

TEST_CASE_FIXTURE(Forwarding, "A.11 hosts that are fine") {
  for (const std::string value : {"a", "a.b.c", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:80",
                                  "xn--4ca.example", "a_b"}) {
    CAPTURE(value);
    CHECK(forwarded("GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n").field("Host") == value);
  }
}

TEST_CASE_FIXTURE(Forwarding, "A.11 HTTP/1.0 may have no Host") {
  const Message got = forwarded("GET / HTTP/1.0\r\n\r\n");
  CHECK(got.startLine == "GET / HTTP/1.1");
  CHECK(got.count("Host") == 1);  // what goes out is HTTP/1.1
}

TEST_CASE_FIXTURE(Forwarding, "A.12 an absolute-form target wins over Host") {
  const Message got = forwarded("GET http://real.example:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(got.startLine == "GET /x?y HTTP/1.1");
  CHECK(got.field("Host") == "real.example:81");
  CHECK(got.count("Host") == 1);
  CHECK(got.field("X-Forwarded-Host") == "real.example:81");
}

TEST_CASE_FIXTURE(Forwarding, "A.12 an absolute-form target with a query and no path") {
  const Message got = forwarded("GET http://real.example?x=1/../y HTTP/1.1\r\nHost: other\r\n\r\n");
  CHECK(got.startLine == "GET /?x=1/../y HTTP/1.1");
  CHECK(got.field("Host") == "real.example");
  CHECK(got.field("X-Forwarded-Host") == "real.example");
  // Only without a query it asks for the server as a whole (RFC 9112, section 3.2.4).
  CHECK(forwarded("OPTIONS HTTPS://[::1]:80? HTTP/1.1\r\nHost: a\r\n\r\n").startLine ==
        "OPTIONS /? HTTP/1.1");
}

TEST_CASE("A.12 a target without a path is that of the root") {
  Forwarding pair({.routes = "- { server_name: b, location: /, rewrite: /v1/, proxy_pass: up }"});
  CHECK(pair.forwarded("GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n").startLine ==
        "GET /v1/?x HTTP/1.1");
}

TEST_CASE("A.12 the route of an absolute-form target is that of the target") {
  Forwarding pair({.routes = "- { server_name: real.example, proxy_pass: up }\n- { return: 404 }"});
  CHECK(pair.forwarded("GET http://real.example/ HTTP/1.1\r\nHost: x\r\n\r\n").field("Host") ==
        "real.example");
  pair.checkAnswered("GET http://x/ HTTP/1.1\r\nHost: real.example\r\n\r\n", 404);
}

TEST_CASE_FIXTURE(Refusing, "A.12 a malformed absolute-form target") {
  for (const std::string target : {"http:///x", "http://u@a/", "http://a:x/", "ftp://a/", "http:/a",
                                   "http://a,b/", "http://?b", "//a:x b/", "http://[::1/"})
    checkRefused(target, "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST_CASE_FIXTURE(Forwarding, "A.17 Connection cannot take away what others rely on") {
  const Message got = forwarded(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length, Host, Authorization, "
      "X-Forwarded-For, Cookie, Cache-Control\r\nContent-Length: 5\r\n"
      "Authorization: Basic eA==\r\nCookie: c=1\r\nCache-Control: no-cache\r\n\r\nhello");
  CHECK(got.field("Host") == "a");
  CHECK(got.field("Content-Length") == "5");
  CHECK(got.body == "hello");
  CHECK(got.field("Authorization") == "Basic eA==");
  CHECK(got.field("X-Forwarded-For") == "127.0.0.1");
  CHECK(got.field("Cookie") == "c=1");
  CHECK(got.field("Cache-Control") == "no-cache");
  CHECK_FALSE(got.has("Connection"));
}

TEST_CASE_FIXTURE(Forwarding, "A.17 Connection takes away what is of this hop") {
  const Message got = forwarded(
      withLines("Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                "Proxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\nX-End: 2\r\n"));
  for (const std::string name :
       {"Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"}) {
    CAPTURE(name);
    CHECK_FALSE(got.has(name));
  }
  CHECK(got.field("X-End") == "2");
}

TEST_CASE_FIXTURE(Forwarding, "A.18 X-Forwarded-* and Forwarded of a client are replaced") {
  const Message got = forwarded(
      withLines("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n"
                "X-Forwarded-Port: 443\r\nForwarded: for=6.6.6.6\r\nX-FORWARDED-FOR: 7.7.7.7\r\n"));
  CHECK(got.count("X-Forwarded-For") == 1);
  CHECK(got.field("X-Forwarded-For") == "127.0.0.1");
  CHECK(got.count("X-Forwarded-Host") == 1);
  CHECK(got.field("X-Forwarded-Host") == "a");
  CHECK(got.count("X-Forwarded-Proto") == 1);
  CHECK(got.field("X-Forwarded-Proto") == "http");
  CHECK_FALSE(got.has("X-Forwarded-Port"));
  CHECK_FALSE(got.has("Forwarded"));
}

TEST_CASE("A.19 names with an underscore are dropped and counted") {
  Forwarding pair({.top = kAdmin});
  const Message got = pair.forwarded(
      withLines("X_Forwarded_For: 6.6.6.6\r\nContent_Length: 5\r\n_: 1\r\nX-Ok: 1\r\n"));
  CHECK_FALSE(got.has("X_Forwarded_For"));
  CHECK_FALSE(got.has("Content_Length"));
  CHECK_FALSE(got.has("_"));
  CHECK(got.field("X-Ok") == "1");
  CHECK(pair.oxbow.metric(
            "oxbow_listener_underscore_names_dropped_total{listener=\"127.0.0.1:0\"}") == 3);
}

TEST_CASE("A.19 underscores_in_headers keeps names with an underscore") {
  Forwarding pair({.listener = "underscores_in_headers: on"});
  CHECK(pair.forwarded(withLines("X_Y: 1\r\n")).field("X_Y") == "1");
}

TEST_CASE_FIXTURE(Refusing, "A.20 an unknown Expect") {
  checkRefused("another word", withLines("Expect: 200-ok\r\n"), 417);
  checkRefused("a list", withLines("Expect: 100-continue, x\r\n"), 417);
  checkRefused("of a POST", post("hello", "Expect: tea\r\n"), 417);
}

TEST_CASE_FIXTURE(Refusing, "A.23 over 32 KiB of fields or over 100 fields") {
  std::string lines;
  for (int i = 0; i < 33; ++i) lines += "X: " + std::string(1000, 'v') + "\r\n";
  checkRefused("33 KB", withLines(lines), 431);
  checkRefused("one value of 33 KB", withLines("X: " + std::string(33000, 'v') + "\r\n"), 431);
  checkRefused("without an end", "GET / HTTP/1.1\r\nX: " + std::string(40000, 'v'), 431);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  checkRefused("101 with Host", withLines(many), 431);
}

TEST_CASE_FIXTURE(Forwarding, "A.23 100 fields, and nearly 32 KiB of them") {
  std::string many;
  for (int i = 0; i < 99; ++i) many += "X: y\r\n";
  CHECK(forwarded(withLines(many)).count("X") == 99);
  const std::string value(32768 - std::string("Host: a\r\nX: \r\n").size() - 1, 'v');
  CHECK(forwarded(withLines("X: " + value + "\r\n")).field("X") == value);
}

}  // namespace oxbow::integration
