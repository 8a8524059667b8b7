#include <string>

#include "tests/unit/codec/refusal.h"

// Requests that are understood, and the answers to those of part A of the bad inputs (the numbers),
// as far as a parser decides them by fields.

namespace oxbow::http1 {
namespace {

using http::BodyKind;
using http::Method;
using http::Name;
using http::Version;
using namespace std::string_literals;

TEST_CASE("a plain request") {
  const std::string text =
      "GET /a/b?c=d&e HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent:curl/8\r\n"
      "Accept:  \t */* \t\r\nX-Empty:\r\nX-Blank:   \r\n\r\n";
  const ParsedRequest request(text + "next");
  REQUIRE(request.result.status == ParseStatus::Done);
  CHECK(request.result.consumed == text.size());
  const http::RequestHead& head = request.head;
  CHECK(head.method == Method::Get);
  CHECK(head.methodText == "GET");
  CHECK(head.version == Version::Http11);
  CHECK(head.target == "/a/b?c=d&e");
  CHECK(head.path == "/a/b");
  CHECK(head.authority == "example.org:8080");
  CHECK_FALSE(head.absoluteForm);
  CHECK_FALSE(head.dotSegments);
  CHECK(head.body == BodyKind::None);
  CHECK(head.contentLength == 0);
  CHECK(head.keepAlive);
  CHECK_FALSE(head.expectContinue);
  CHECK(head.underscoreNames == 0);
  CHECK(head.added.count == 0);
  CHECK(textOf(head.fields) ==
        "Host=example.org:8080;User-Agent=curl/8;Accept=*/*;X-Empty=;X-Blank=;");
  CHECK(head.fields.seen ==
        (http::bitOf(Name::Host) | http::bitOf(Name::UserAgent) | http::bitOf(Name::Other)));
  CHECK(head.fields.count == 5);
  // The block is the lines as they came, without the empty one.
  const std::string lines = text.substr(text.find("Host"));
  CHECK(std::string(head.fields.base, head.fields.end) == lines.substr(0, lines.size() - 2));
}

TEST_CASE("a head that was used before is set anew") {
  ParsedRequest request(
      "POST http://b/ HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n"
      "Expect: 100-continue\r\nx_y: 1\r\n\r\n");
  REQUIRE(request.result.status == ParseStatus::Done);
  request.head.added = request.head.fields;
  const ParseResult result =
      parseRequestHead("GET / HTTP/1.0\r\n\r\n", {}, request.fields, request.head);
  REQUIRE(result.status == ParseStatus::Done);
  CHECK(request.head.body == BodyKind::None);
  CHECK(request.head.contentLength == 0);
  CHECK_FALSE(request.head.expectContinue);
  CHECK_FALSE(request.head.absoluteForm);
  CHECK(request.head.authority.empty());
  CHECK(request.head.underscoreNames == 0);
  CHECK(request.head.fields.count == 0);
  CHECK(request.head.fields.seen == 0);
  CHECK(request.head.added.count == 0);
}

TEST_CASE("white space around values is not part of them") {
  for (const char* before : {"", " ", "  ", "\t", " \t "}) {
    for (const char* after : {"", " ", "\t", "  \t"}) {
      const std::string head =
          requestWith("A:"s + before + "b c" + after + "\r\nD:" + before + after + "\r\n");
      for (const size_t bodySize : {0, 64}) {  // near to the end of the input, and far from it
        const ParsedRequest request(head + std::string(bodySize, 'x'));
        CAPTURE(escaped(head));
        REQUIRE(request.result.status == ParseStatus::Done);
        CHECK(textOf(request.head.fields) == "Host=a;A=b c;D=;");
      }
    }
  }
}

TEST_CASE("lines of every length around the blocks of a scan") {
  for (size_t nameSize = 1; nameSize <= 40; ++nameSize) {
    for (size_t valueSize = 0; valueSize <= 70; ++valueSize) {
      const std::string name(nameSize, 'n');
      const std::string value(valueSize, 'v');
      const std::string head = requestWith(name + ": " + value + "\r\nX: y\r\n");
      for (const std::string& body : {std::string(), std::string(64, '\n')}) {
        const ParsedRequest request(head + body);
        CAPTURE(nameSize);
        CAPTURE(valueSize);
        REQUIRE(request.result.status == ParseStatus::Done);
        REQUIRE(request.result.consumed == head.size());
        REQUIRE(textOf(request.head.fields) == "Host=a;" + name + "=" + value + ";X=y;");
      }
    }
  }
}

TEST_CASE("A11: Host") {
  for (const char* host : {"a", "example.org", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:65535",
                           "a:0", "a:", "a_b", "xn--a.b.", "a%20b", "a!$&'()*+;=~", "-", "a:00080",
                           "0123456789abcdef0123456789abcdef.example.org:8443"}) {
    const ParsedRequest request("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n");
    CAPTURE(host);
    CHECK(request.result.status == ParseStatus::Done);
    CHECK(request.head.authority == host);
  }
  for (const char* host : {"",
                           "u@a",
                           "u:p@a",
                           "a/b",
                           "a, b",
                           "a,b",
                           "a b",
                           ":80",
                           ":",
                           "a:b",
                           "a:65536",
                           "a:99999999999",
                           "a:80:80",
                           "a:-1",
                           "[::1",
                           "::1",
                           "[::1]x",
                           "[::1]:x",
                           "[]",
                           "[a]",
                           "[::1%25eth0]",
                           "[v1.a]",
                           "[127.0.0.1]",
                           "http://a",
                           "a?b",
                           "a#b",
                           "a%",
                           "a%2",
                           "a%zz",
                           "a\\b",
                           "<a>",
                           "\"a\"",
                           "a\tb",
                           "\xc3\xa4.org",
                           "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"}) {
    CAPTURE(escaped(host));
    CHECK(refusalOf("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n") == 400);
  }
  checkAll(400, {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                 "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", "GET / HTTP/1.0\r\nHost:\r\n\r\n",
                 "GET http://a/ HTTP/1.1\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n",
                 "GET / HTTP/1.1\r\nHost: [::1\0]\r\n\r\n"s});
  CHECK(refusalOf("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(refusalOf("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n") == 0);
}

TEST_CASE("bodies by Content-Length") {
  const std::pair<const char*, uint64_t> lengths[] = {
      {"0", 0},
      {"5", 5},
      {"0005", 5},
      {"00000000000000000000000000000012", 12},
      {"9223372036854775807", 9223372036854775807u},
  };
  for (const auto& one : lengths) {
    const ParsedRequest request(requestWith("Content-Length: "s + one.first + "\r\n"));
    CAPTURE(one.first);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.body == BodyKind::Length);  // of 0, too
    CHECK(request.head.contentLength == one.second);
  }
}

TEST_CASE("A2, A3: lengths that are none or many") {
  checkAllFields(400, {"Content-Length: 5\r\nContent-Length: 6\r\n",
                       "Content-Length: 5\r\ncontent-length: 5\r\n"});
  for (const char* length : {"5, 6",
                             "5, 5",
                             "5,5",
                             "+5",
                             "-1",
                             "0x5",
                             "5_0",
                             "5 5",
                             "",
                             " ",
                             "5.0",
                             "5e1",
                             "9223372036854775808",
                             "18446744073709551616",
                             "18446744073709551621",
                             "99999999999999999999999999",
                             "\"5\"",
                             "5;",
                             "a",
                             "\xd9\xa5"}) {
    CAPTURE(length);
    CHECK(refusalOf(requestWith("Content-Length: "s + length + "\r\n")) == 400);
  }
}

TEST_CASE("bodies by Transfer-Encoding") {
  for (const char* coding : {"chunked", "Chunked", "CHUNKED", " \tchunked\t "}) {
    const ParsedRequest request(requestWith("Transfer-Encoding:"s + coding + "\r\n"));
    CAPTURE(coding);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.body == BodyKind::Chunked);
  }
}

TEST_CASE("A1, A4: Transfer-Encoding where it must not be") {
  checkAllFields(400, {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                       "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                       "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
                       "Content-Length: 0\r\nTransfer-Encoding: identity\r\n"});
  checkAll(400, {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                 "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"});
}

TEST_CASE("A5: other transfer codings") {
  for (const char* coding : {"xchunked",
                             "chunkedx",
                             ",chunked",
                             "chunked,",
                             "chunked, identity",
                             "chunked, chunked",
                             "gzip, chunked, chunked",
                             "gzip, xchunked",
                             "gzip,, chunked",
                             "gzip,",
                             ",",
                             "",
                             "chunked;q=1",
                             "\"chunked\"",
                             "chunked\x0b",
                             "chunked\x0c",
                             "\x0b"
                             "chunked",
                             "chun ked",
                             "ch\tunked",
                             "gzip chunked",
                             "gzip;a=b",
                             "chunked, gzip"}) {
    CAPTURE(escaped(coding));
    CHECK(refusalOf(requestWith("Transfer-Encoding: "s + coding + "\r\n")) == 400);
  }
  CHECK(refusalOf(requestWith("Transfer-Encoding: chunked\0\r\n"s)) == 400);
  checkAllFields(400, {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                       "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                       "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"});
  for (const char* coding :
       {"gzip", "identity", "gzip, chunked", "gzip , chunked", "deflate, gzip"}) {
    const ParsedRequest request(requestWith("Transfer-Encoding: "s + coding + "\r\n"));
    CAPTURE(coding);
    CHECK(request.result.httpStatus == 501);
    CHECK(request.result.transferCoding);
  }
}

TEST_CASE("A6: white space around names") {
  checkAllFields(400, {"A : b\r\n", "A\t: b\r\n", "A: b\r\n c\r\n", "A: b\r\n\tc\r\n",
                       "A: b\r\n \r\n", "Content-Length : 5\r\n", "A b: c\r\n"});
  checkAll(400, {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n",
                 "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"});
}

TEST_CASE("A7: names that are none") {
  checkAllFields(400,
                 {": b\r\n", "A\r\n", "A\r\nB: c\r\n", "A/B: c\r\n", "A\"B: c\r\n", "(A): c\r\n",
                  "\xc3\xa4: b\r\n", "A\x80: b\r\n", "A\x01: b\r\n", "A\x7f: b\r\n", "A@: b\r\n",
                  "Long-Enough-To-Leave-The-Block\xff: b\r\n", "A\0B: c\r\n"s, "A[0]: c\r\n"});
  CHECK(refusalOf(requestWith("!#$%&'*+-.^`|~0aZ: b\r\n")) == 0);
}

TEST_CASE("A8: long names") {
  for (const size_t size : {255, 256, 1023}) {
    const ParsedRequest request(requestWith(std::string(size, 'n') + ": v\r\n"));
    CAPTURE(size);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.fields.nameAt(request.fields[1]).size() == size);
  }
  HeadLimits wide;
  wide.fieldBytes = 1000000;
  for (const size_t size : {1024, 65536}) {
    const ParsedRequest request(requestWith(std::string(size, 'n') + ": v\r\n"), wide);
    CAPTURE(size);
    CHECK(request.result.httpStatus == 431);
    CHECK(request.result.tooLarge);
  }
  // Known before its end, and whatever its end is.
  CHECK(ParsedRequest("GET / HTTP/1.1\r\n" + std::string(1024, 'n')).result.httpStatus == 431);
  CHECK(refusalOf(requestWith(std::string(1024, 'n') + "\x01")) == 431);
}

TEST_CASE("A9: controls in values") {
  for (int byte = 0; byte < 256; ++byte) {
    const bool allowed = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    for (const char* before : {"", "a", "0123456789abcdef0123456789"}) {
      const std::string value = before + std::string(1, static_cast<char>(byte)) + "b";
      CAPTURE(escaped(value));
      CHECK(refusalOf(requestWith("X: " + value + "\r\n")) == (allowed ? 0 : 400));
    }
  }
}

TEST_CASE("A10: lines end with CR LF") {
  checkAll(400, {"GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
                 "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
                 "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\rx",
                 "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
                 "GET\n", "GET / HTTP/1.\n", "GET / HTTP/1.1\r\nHost\n", "GET / HTTP/2.0\n"});
}

TEST_CASE("A19: names with an underscore are dropped, counted, and count") {
  const std::string text =
      requestWith("X_Forwarded_For: 1\r\nA: b\r\n_: c\r\nlong_enough_for_two_blocks: d\r\n");
  const ParsedRequest request(text);
  REQUIRE(request.result.status == ParseStatus::Done);
  CHECK(textOf(request.head.fields) == "Host=a;A=b;");
  CHECK(request.head.underscoreNames == 3);
  CHECK(request.head.fields.count == 5);

  HeadLimits keep;
  keep.keepUnderscores = true;
  const ParsedRequest kept(text, keep);
  CHECK(textOf(kept.head.fields) ==
        "Host=a;X_Forwarded_For=1;A=b;_=c;long_enough_for_two_blocks=d;");
  CHECK(kept.head.underscoreNames == 0);

  HeadLimits few;
  few.fieldCount = 4;
  CHECK(refusalOf(text, few) == 431);
  // They frame nothing.
  CHECK(ParsedRequest(requestWith("Content_Length: 5\r\n")).head.body == BodyKind::None);
}

TEST_CASE("A20: expectations") {
  CHECK(ParsedRequest(requestWith("Expect: 100-continue\r\n")).head.expectContinue);
  CHECK(ParsedRequest(requestWith("Expect: 100-Continue\r\n")).head.expectContinue);
  checkAllFields(417, {"Expect: x\r\n", "Expect:\r\n", "Expect: 100-continue, x\r\n",
                       "Expect: 100-continue\r\nExpect: x\r\n", "Expect: 200-ok\r\n"});
  const ParsedRequest old("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  CHECK(old.result.status == ParseStatus::Done);
  CHECK_FALSE(old.head.expectContinue);
  CHECK(textOf(old.head.fields) == "Content-Length=1;");
}

TEST_CASE("what is malformed is 400, even when it is not supported either") {
  checkAllFields(400,
                 {"Expect: x\r\nContent-Length: y\r\n", "Transfer-Encoding: gzip\r\nHost: b\r\n",
                  "Transfer-Encoding: gzip\r\nA: \x01\r\n"});
}

TEST_CASE("A23: limits of the fields") {
  HeadLimits limits;
  limits.fieldBytes = 30;  // "Host: a CRLF" has 9 of them, "X: " and CRLF 5
  CHECK(refusalOf(requestWith("X: " + std::string(16, 'v') + "\r\n"), limits) == 0);
  CHECK(refusalOf(requestWith("X: " + std::string(17, 'v') + "\r\n"), limits) == 431);
  CHECK(refusalOf(requestWith("X: " + std::string(16, 'v') + "\r\nY:\r\n"), limits) == 431);
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  CHECK(ParsedRequest(start + std::string(17, 'v'), limits).result.status == ParseStatus::NeedMore);
  const ParsedRequest early(start + std::string(18, 'v'), limits);
  CHECK(early.result.httpStatus == 431);
  CHECK(early.result.tooLarge);
  CHECK(refusalOf(start + std::string(32768, 'v')) == 431);

  limits = {};
  limits.fieldBytes = 0;
  CHECK(refusalOf("GET / HTTP/1.0\r\n\r\n", limits) == 0);
  CHECK(refusalOf("GET / HTTP/1.0\r\nA: b\r\n\r\n", limits) == 431);

  limits = {};
  limits.fieldBytes = 1000000;  // more than the descriptors can address
  CHECK(refusalOf(requestWith("X: " + std::string(65600, 'v') + "\r\n"), limits) == 431);
  CHECK(refusalOf(requestWith("X: " + std::string(65500, 'v') + "\r\n"), limits) == 0);
}

TEST_CASE("A23: the number of fields") {
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
  CHECK(refusalOf(requestWith(lines)) == 0);
  const ParsedRequest over(requestWith(lines + "A: b\r\n"));
  CHECK(over.result.httpStatus == 431);
  CHECK(over.result.tooLarge);
  CHECK(refusalOf("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "A: b\r\n") == 431);  // before the end
  HeadLimits limits;
  limits.fieldCount = 60000;  // more than there is room for
  std::string many;
  for (int i = 0; i < 256; ++i) many += "A: b\r\n";
  CHECK(refusalOf("GET / HTTP/1.0\r\n" + many + "\r\n", limits) == 0);
  CHECK(refusalOf("GET / HTTP/1.0\r\n" + many + "A: b\r\n\r\n", limits) == 431);
}

TEST_CASE("keeping the connection") {
  struct Case {
    const char* version;
    const char* fields;
    bool keepAlive;
  };
  const Case cases[] = {
      {"1.1", "", true},
      {"1.1", "Connection: keep-alive\r\n", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: CLOSE\r\n", false},
      {"1.1", "Connection: x, close ,y\r\n", false},
      {"1.1", "Connection: keep-alive, close\r\n", false},
      {"1.1", "Connection: close\r\nConnection: keep-alive\r\n", false},
      {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.1", "Connection:\r\n", true},
      {"1.1", "Connection: ,,\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: keep-alive\r\n", true},
      {"1.0", "Connection: Keep-Alive, Upgrade\r\n", true},
      {"1.0", "Connection: close, keep-alive\r\n", false},
      {"1.0", "Connection: close\r\n", false},
  };
  for (const Case& one : cases) {
    const ParsedRequest request("GET / HTTP/"s + one.version + "\r\nHost: a\r\n" + one.fields +
                                "\r\n");
    CAPTURE(one.version);
    CAPTURE(one.fields);
    REQUIRE(request.result.status == ParseStatus::Done);
    CHECK(request.head.keepAlive == one.keepAlive);
  }
}

TEST_CASE("Connection has a bounded number of options") {
  std::string options;
  for (int i = 0; i < 99; ++i) options += "a,";
  CHECK(refusalOf(requestWith("Connection: " + options + "a\r\n")) == 0);
  CHECK(refusalOf(requestWith("Connection: " + options + "a,a\r\n")) == 431);
  CHECK(refusalOf(requestWith("Connection: " + options + "a\r\nConnection: b\r\n")) == 431);
}

// Every prefix of a message asks for more; what is whole does not care for what follows; once
// refused, always refused, in the same way.
void checkPrefixes(const std::string& text) {
  CAPTURE(escaped(text));
  const ParsedRequest whole(text);
  REQUIRE(whole.result.status != ParseStatus::NeedMore);
  bool decided = false;
  for (size_t size = 0; size <= text.size(); ++size) {
    CAPTURE(size);
    const ParsedRequest part(text.substr(0, size));
    if (part.result.status == ParseStatus::NeedMore) {
      CHECK_FALSE(decided);
      continue;
    }
    decided = true;
    CHECK(part.result.status == whole.result.status);
    CHECK(part.result.httpStatus == whole.result.httpStatus);
    CHECK(part.result.consumed == whole.result.consumed);
    CHECK(std::string_view(part.result.detail) == whole.result.detail);
    if (part.result.status == ParseStatus::Done) CHECK(size >= whole.result.consumed);
  }
}

TEST_CASE("growing prefixes") {
  for (const char* text :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\n",
        "\r\n\r\nPOST /a/b.c?d HTTP/1.1\r\nHost: example.org:80\r\nContent-Length: 12\r\nExpect: "
        "100-continue\r\n\r\n{}",
        "OPTIONS * HTTP/1.0\r\n\r\n", "A / HTTP/1.0\r\n\r\n",
        "GET https://example.org/index.html HTTP/1.1\r\nHost: example.org\r\nAccept:\r\nx_y:  z "
        "\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\n\r\n", "GET /\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "\r\n\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "GET ftp://a/ HTTP/1.1\r\n",
        "GET http://a@b/ HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\rx"})
    checkPrefixes(text);
}

}  // namespace
}  // namespace oxbow::http1
