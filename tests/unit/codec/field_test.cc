#include "proxy/codec/http/field.h"

#include <cctype>
#include <string>

#include "tests/unit/codec/parsing.h"

namespace oxbow::http {
namespace {

struct NamedField {
  const char* text;
  Name name;
};

constexpr NamedField kNames[] = {
    {"Accept-Encoding", Name::AcceptEncoding},
    {"Authorization", Name::Authorization},
    {"Cache-Control", Name::CacheControl},
    {"Connection", Name::Connection},
    {"Content-Length", Name::ContentLength},
    {"Content-Type", Name::ContentType},
    {"Cookie", Name::Cookie},
    {"Date", Name::Date},
    {"Expect", Name::Expect},
    {"Forwarded", Name::Forwarded},
    {"Host", Name::Host},
    {"Idempotency-Key", Name::IdempotencyKey},
    {"Keep-Alive", Name::KeepAlive},
    {"Origin", Name::Origin},
    {"Proxy-Authenticate", Name::ProxyAuthenticate},
    {"Proxy-Authorization", Name::ProxyAuthorization},
    {"Proxy-Connection", Name::ProxyConnection},
    {"Referer", Name::Referer},
    {"Server", Name::Server},
    {"Set-Cookie", Name::SetCookie},
    {"TE", Name::Te},
    {"Trailer", Name::Trailer},
    {"Transfer-Encoding", Name::TransferEncoding},
    {"Upgrade", Name::Upgrade},
    {"User-Agent", Name::UserAgent},
    {"Via", Name::Via},
    {"WWW-Authenticate", Name::WwwAuthenticate},
    {"X-Forwarded-For", Name::XForwardedFor},
    {"X-Forwarded-Host", Name::XForwardedHost},
    {"X-Forwarded-Proto", Name::XForwardedProto},
    {"X-Request-Id", Name::XRequestId},
};

std::string mapped(std::string text, int (*map)(int)) {
  for (char& c : text) c = static_cast<char>(map(static_cast<unsigned char>(c)));
  return text;
}

TEST_CASE("every name is found in any case") {
  // All but Other and XForwardedOther, which is a family.
  CHECK(std::size(kNames) == static_cast<size_t>(Name::Count) - 2);
  for (const NamedField& field : kNames) {
    CAPTURE(std::string(field.text));
    CHECK(nameOf(field.text) == field.name);
    CHECK(nameOf(mapped(field.text, ::tolower)) == field.name);
    CHECK(nameOf(mapped(field.text, ::toupper)) == field.name);
  }
}

TEST_CASE("a name that differs in one byte is another one") {
  for (const NamedField& field : kNames) {
    const std::string text = field.text;
    if (text.find("X-Forwarded-") == 0) continue;  // still of the family
    CAPTURE(text);
    for (size_t i = 0; i < text.size(); ++i) {
      std::string other = text;
      other[i] = other[i] == '-' ? '_' : '!';
      CHECK(nameOf(other) == Name::Other);
      // '-' without bit 0x20 is CR: must not be taken for it.
      if (text[i] != '-') continue;
      other[i] = '\r';
      CHECK(nameOf(other) == Name::Other);
    }
    CHECK(nameOf(text.substr(1)) == Name::Other);
    CHECK(nameOf(text.substr(0, text.size() - 1)) == Name::Other);
  }
}

TEST_CASE("X-Forwarded-* is a family of its own") {
  CHECK(nameOf("X-Forwarded-") == Name::XForwardedOther);
  CHECK(nameOf("x-forwarded-port") == Name::XForwardedOther);
  CHECK(nameOf("X-FORWARDED-Prefix") == Name::XForwardedOther);
  CHECK(nameOf("X-Forwarded-Something-Long-Enough") == Name::XForwardedOther);
  CHECK(nameOf("X-Forwarded-Fo") == Name::XForwardedOther);
  CHECK(nameOf("X-Forwarded") == Name::Other);
  CHECK(nameOf("X-Forwardedx-For") == Name::Other);
  CHECK(nameOf("") == Name::Other);
}

TEST_CASE("text is compared without case, in ASCII only") {
  CHECK(equalsIgnoreCase("", ""));
  CHECK(equalsIgnoreCase("aZ-09", "Az-09"));
  CHECK_FALSE(equalsIgnoreCase("a", "ab"));
  CHECK_FALSE(equalsIgnoreCase("@", "`"));
  CHECK_FALSE(equalsIgnoreCase("[", "{"));
  CHECK_FALSE(equalsIgnoreCase("\xc4", "\xe4"));
}

TEST_CASE("a block finds and drops lines") {
  http1::ParsedRequest request(
      http1::requestWith("X-A: 1\r\nCookie: b\r\nx-a: 2\r\nCookie: c\r\n"));
  REQUIRE(request.result.status == http1::ParseStatus::Done);
  FieldBlock& fields = request.head.fields;
  CHECK(fields.has(Name::Cookie));
  CHECK_FALSE(fields.has(Name::Via));
  CHECK(fields.hasAny(bitOf(Name::Via) | bitOf(Name::Cookie)));
  CHECK(fields.value(Name::Cookie) == "b");
  CHECK(fields.valueAt(*fields.find("X-a")) == "1");
  CHECK(fields.find(Name::Via) == nullptr);
  CHECK(fields.value(Name::Via).empty());

  CHECK(fields.drop(Name::Cookie) == 2);
  CHECK(fields.drop(Name::Cookie) == 0);
  CHECK(fields.find(Name::Cookie) == nullptr);
  CHECK(fields.has(Name::Cookie));  // what was seen stays seen
  CHECK(fields.drop("X-A") == 2);
  CHECK(fields.drop("X-A") == 0);
  CHECK(fields.find("X-A") == nullptr);
  CHECK(http1::textOf(fields) == "Host=a;");
}

TEST_CASE("methods that may be repeated") {
  for (const Method method :
       {Method::Get, Method::Head, Method::Put, Method::Delete, Method::Options, Method::Trace})
    CHECK(isIdempotent(method));
  for (const Method method : {Method::Post, Method::Patch, Method::Connect, Method::Other})
    CHECK_FALSE(isIdempotent(method));
}

}  // namespace
}  // namespace oxbow::http
