#include "proxy/codec/http1/request_line.h"

#include <string>

#include "tests/unit/codec/refusal.h"

// Part A of the bad inputs (the numbers), as far as the request line decides it.

namespace oxbow::http1 {
namespace {

using http::Method;
using http::Name;
using http::Version;
using namespace std::string_literals;

TEST_CASE("methods") {
  const std::pair<const char*, Method> methods[] = {
      {"GET", Method::Get},     {"HEAD", Method::Head},     {"POST", Method::Post},
      {"PUT", Method::Put},     {"DELETE", Method::Delete}, {"OPTIONS", Method::Options},
      {"PATCH", Method::Patch}, {"get", Method::Other},     {"PROPFIND", Method::Other},
      {"GETS", Method::Other},  {"G", Method::Other},       {"!#$%&'*+-.^_`|~09", Method::Other},
  };
  for (const auto& one : methods) {
    const ParsedRequest request(one.first + " / HTTP/1.1\r\nHost: a\r\n\r\n"s);
    CAPTURE(one.first);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.method == one.second);
    CHECK(request.head.methodText == one.first);
  }
  checkAllLines(400, {" / HTTP/1.1", "G@T / HTTP/1.1", "GET\t/ HTTP/1.1", "G\xc3 / HTTP/1.1",
                      "(GET) / HTTP/1.1", "GET"});
}

TEST_CASE("A15: CONNECT and TRACE are not allowed, which is said at once") {
  checkAllLines(405, {"CONNECT a:443 HTTP/1.1", "TRACE / HTTP/1.1"});
  CHECK(ParsedRequest("CONNECT ").result.httpStatus == 405);
}

TEST_CASE("a method over 32 bytes is not implemented") {
  CHECK(lineRefusalOf(std::string(32, 'M') + " / HTTP/1.1") == 0);
  CHECK(lineRefusalOf(std::string(33, 'M') + " / HTTP/1.1") == 501);
  CHECK(ParsedRequest(std::string(33, 'M')).result.httpStatus == 501);
}

TEST_CASE("A16: versions") {
  CHECK(ParsedRequest("GET / HTTP/1.0\r\n\r\n").head.version == Version::Http10);
  checkAllLines(505, {"GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/1.10", "GET / HTTP/0.9",
                      "GET / HTTP/3.0", "GET / HTTP/01.1", "PRI * HTTP/2.0"s.replace(4, 1, "/")});
  checkAllLines(400, {"GET /", "GET / ", "GET / HTTP", "GET / HTTP/", "GET / HTTP/1",
                      "GET / HTTP/1.", "GET / HTTP/.1", "GET / http/1.1", "GET / HTTP/1.1 ",
                      "GET / HTTP/1.x", "GET / HTTP /1.1", "GET / HTTP/1,1", "GET / HTTPS/1.1",
                      "GET / HTTP/-1.1", "GET / HTTP/1.1\t", "GET / HTTP/1.1\x0b"});
  CHECK(refusalOf("GET /\r\n") == 400);  // HTTP/0.9
}

TEST_CASE("exactly one space between the parts") {
  checkAllLines(400, {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1",
                      " GET / HTTP/1.1", "GET / HTTP/1.1 x"});
}

TEST_CASE("targets in origin-form") {
  const char* targets[] = {"/",    "//",       "/?",  "/?a?b=/../",   "/a//b/",
                           "/%zz", "/a;b=c,d", "/;x", "/\"<>\\^`{|}", "/..a",
                           "/a..", "/...",     "/%2", "/.a/b.",       "/a%2eb"};
  for (const char* target : targets) {
    const ParsedRequest request("GET "s + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    CAPTURE(target);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.target == target);
    const std::string_view text = target;
    CHECK(request.head.path == text.substr(0, text.find('?')));
    CHECK_FALSE(request.head.dotSegments);
  }
}

TEST_CASE("targets of every length around the blocks of a scan") {
  for (size_t size = 0; size < 70; ++size) {
    for (const std::string& query : {""s, "?q=1"s, "?" + std::string(size, 'q')}) {
      const std::string path = "/" + std::string(size, 'p');
      const ParsedRequest request("GET " + path + query + " HTTP/1.0\r\n\r\n");
      CAPTURE(size);
      REQUIRE(request.result.status == ParseStatus::Done);
      CHECK(request.head.path == path);
      CHECK(request.head.target == path + query);
    }
  }
}

TEST_CASE("A13: bytes that a target must not have") {
  for (const char* place : {"/", "/a", "/a/0123456789abcdef0123456789", "/a?b", "/a.b"}) {
    for (int byte = 0; byte < 256; ++byte) {
      if (byte > 0x20 && byte < 0x7f && byte != '#') continue;
      std::string line = "GET "s + place;
      line.push_back(static_cast<char>(byte));
      CAPTURE(escaped(line));
      CHECK(lineRefusalOf(line + "x HTTP/1.1") == 400);
    }
  }
}

TEST_CASE("A14: dot-segments are told, however they are written") {
  for (const char* path : {"/.",           "/..",
                           "/./",          "/../",
                           "/a/.",         "/a/..",
                           "/a/./b",       "/a/../b",
                           "/%2e",         "/%2E%2e/",
                           "/.%2e",        "/a/%2E./b",
                           "/..;x",        "/.;",
                           "/..;a=b/c",    "/a\\..\\b",
                           "/..\\",        "/a%2f..%2fb",
                           "/%2F..",       "/a%5c..",
                           "/a%5C.%5Cb",   "/0123456789abcdef0123456789/..",
                           "/a/%2e%2e;x/b"})
    CHECK_MESSAGE(hasDotSegments(path), path);
  for (const char* path : {"/", "", "/...", "/.a", "/a.", "/..a/", "/a../b", "/%2e%2e%2e", "/%2ea",
                           "/;..", "/a;../b", "/%252e%252e", "/%2", "/%2x.", "/a.b.c/d.e", "/;/a"})
    CHECK_MESSAGE(!hasDotSegments(path), path);
  CHECK(ParsedRequest("GET /a/../b HTTP/1.0\r\n\r\n").head.dotSegments);
  CHECK(ParsedRequest("GET /a/%2E%2E HTTP/1.0\r\n\r\n").head.dotSegments);
  CHECK(ParsedRequest("GET http://a/.. HTTP/1.0\r\n\r\n").head.dotSegments);
  CHECK_FALSE(ParsedRequest("GET /a?/../ HTTP/1.0\r\n\r\n").head.dotSegments);
}

TEST_CASE("A12: in absolute-form the target's authority wins") {
  const ParsedRequest request("GET HTTP://Example.org:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n");
  REQUIRE(request.result.status == ParseStatus::Done);
  CHECK(request.head.absoluteForm);
  CHECK(request.head.authority == "Example.org:81");
  CHECK(request.head.target == "/x?y");
  CHECK(request.head.path == "/x");
  CHECK(request.head.fields.value(Name::Host) == "other");

  const ParsedRequest secure("GET https://[::1]/ HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(secure.head.authority == "[::1]");
  CHECK(secure.head.target == "/");
}

TEST_CASE("an absolute-form without a path") {
  const ParsedRequest request("GET http://example.org HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(request.result.status == ParseStatus::Done);
  CHECK(request.head.target == "/");
  CHECK(request.head.path == "/");
  CHECK(request.head.authority == "example.org");
  CHECK(ParsedRequest("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n").head.target == "*");
}

TEST_CASE("an absolute-form with a query and no path") {
  std::string bytes = "GET http://example.org:81?x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
  http::Field fields[kMaxFields];
  http::RequestHead head;
  REQUIRE(parseRequestHead(bytes, {}, fields, head).status == ParseStatus::Done);
  CHECK(head.target == "?x=1");
  CHECK(head.path == "");
  CHECK(head.authority == "example.org:81");
  completeTarget(head, bytes.data() + (head.authority.data() - bytes.data()));
  CHECK(head.target == "/?x=1");
  CHECK(head.path == "/");
  CHECK(head.authority == "example.org:81");
  CHECK(head.fields.value(Name::Host) == "a");
}

TEST_CASE("targets that are none") {
  checkAllLines(
      400, {"GET http:// HTTP/1.1",     "GET http:/// HTTP/1.1",       "GET http:/a HTTP/1.1",
            "GET http//a HTTP/1.1",     "GET ftp://a/ HTTP/1.1",       "GET httpss://a/ HTTP/1.1",
            "GET http://u@a/ HTTP/1.1", "GET http://u:p@a/ HTTP/1.1",  "GET http://a:x/ HTTP/1.1",
            "GET http://?b HTTP/1.1",   "GET http://a? b HTTP/1.1",    "GET http://a?b#c HTTP/1.1",
            "GET http://a#b HTTP/1.1",  "GET http://[::1/ HTTP/1.1",   "GET http://a,b/ HTTP/1.1",
            "GET example.org HTTP/1.1", "GET example.org:80 HTTP/1.1", "GET a/b HTTP/1.1",
            "GET ?a HTTP/1.1",          "GET http HTTP/1.1",           "GET http:\\\\a/ HTTP/1.1",
            "GET https:a HTTP/1.1"});
}

TEST_CASE("the asterisk belongs to OPTIONS") {
  const ParsedRequest request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(request.result.status == ParseStatus::Done);
  CHECK(request.head.target == "*");
  CHECK(request.head.path == "*");
  checkAllLines(400, {"GET * HTTP/1.1", "OPTIONS ** HTTP/1.1", "OPTIONS */ HTTP/1.1"});
  CHECK(lineRefusalOf("OPTIONS / HTTP/1.1") == 0);
}

TEST_CASE("A23: limits of the request line") {
  HeadLimits limits;
  limits.startLine = 40;
  const auto line = [](size_t size) {  // with its CRLF
    return "GET /" + std::string(size - 16, 'p') + " HTTP/1.1\r\n";
  };
  REQUIRE(line(40).size() == 40);
  CHECK(refusalOf(line(40) + "Host: a\r\n\r\n", limits) == 0);
  CHECK(refusalOf(line(41) + "Host: a\r\n\r\n", limits) == 414);
  const ParsedRequest early("GET /" + std::string(35, 'p'), limits);
  CHECK(early.result.httpStatus == 414);
  CHECK(early.result.tooLarge);
  CHECK(ParsedRequest("GET /" + std::string(34, 'p'), limits).result.status ==
        ParseStatus::NeedMore);
  CHECK(refusalOf("GET /" + std::string(8192, 'p')) == 414);
  CHECK(refusalOf("GET /?" + std::string(8192, 'p')) == 414);
  CHECK(refusalOf("GET http://" + std::string(8192, 'p')) == 414);
  CHECK(refusalOf("GET / HTTP/" + std::string(8192, '1')) == 414);
  CHECK(refusalOf("GET / HTTP/1." + std::string(8192, '1')) == 414);
}

TEST_CASE("A25: a few empty lines before the request are skipped") {
  const std::string text = requestWith("");
  for (const char* before : {"\r\n", "\r\n\r\n"}) {
    const ParsedRequest request(before + text);
    CHECK(request.result.status == ParseStatus::Done);
    CHECK(request.result.consumed == text.size() + std::strlen(before));
    CHECK(request.head.method == Method::Get);
  }
  checkAll(400,
           {"\r\n\r\n\r\n" + text, "\n" + text, "\r" + text, "\r\n\n" + text, "\r\r\n" + text});
  for (const char* part : {"", "\r", "\r\n", "\r\n\r", "\r\n\r\n"})
    CHECK(ParsedRequest(part).result.status == ParseStatus::NeedMore);
}

TEST_CASE("other protocols are told by their first bytes") {
  const std::string clientHello = "\x16\x03\x01\x02";
  CHECK(ParsedRequest(clientHello.substr(0, 1)).result.httpStatus == 400);
  CHECK(ParsedRequest("SSH-2.0-OpenSSH_9.2p1 D").result.httpStatus == 400);
  CHECK(ParsedRequest("SSH-2.0-OpenSSH_9.2p1\r").result.httpStatus == 400);
  CHECK(ParsedRequest("*1\r").result.httpStatus == 400);         // Redis
  CHECK(ParsedRequest("\0\0\0\x08"s).result.httpStatus == 400);  // PostgreSQL
  CHECK(ParsedRequest("GET x").result.httpStatus == 400);
  CHECK(ParsedRequest("GET / X").result.httpStatus == 400);
  CHECK(ParsedRequest("GET / HTTP/1.1x").result.httpStatus == 400);
  CHECK(ParsedRequest("GET / HTTP/1.1\r\nHost: \x01").result.httpStatus == 400);
  CHECK(ParsedRequest("GET / HTTP/1.1\r\n ").result.httpStatus == 400);
  // The preface of HTTP/2 does not look wrong before its version, and then not for long.
  CHECK(ParsedRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").result.httpStatus == 400);
}

}  // namespace
}  // namespace oxbow::http1
