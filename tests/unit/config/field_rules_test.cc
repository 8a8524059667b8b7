#include "proxy/config/field_rules.h"

#include <doctest/doctest.h>

namespace oxbow::config {

namespace {

std::string text(const std::optional<Fault>& fault) {
  if (!fault) return "";
  return fault->suggestion.empty() ? fault->message : fault->message + " -> " + fault->suggestion;
}

// Of several faults one behind the other.
std::string text(const std::vector<Fault>& faults) {
  std::string all;
  for (const Fault& fault : faults)
    all += (all.empty() ? "" : "; ") + text(std::optional<Fault>(fault));
  return all;
}

}  // namespace

TEST_CASE("names of fields are tokens") {
  for (const char* name : {"X-A", "Host", "a_b", "Cookie", "!#$%&'*+-.^_`|~"})
    CHECK(text(checkFieldName(name)).empty());
  CHECK(text(checkFieldName("")) == "\"\" is no name of a field");
  CHECK(text(checkFieldName("X A")) == "\"X A\" is no name of a field");
  CHECK(text(checkFieldName("X:")) == "\"X:\" is no name of a field");
  CHECK(text(checkFieldName("\xc3\xbc")) == "\"\xc3\xbc\" is no name of a field");
  CHECK(text(checkFieldName("X\n")) == "\"X\\x0a\" is no name of a field");
  CHECK(text(checkFieldName(std::string(256, 'a'))) == "the name of the field is too long");
}

TEST_CASE("fields of the connection and the framing are not for editing") {
  for (const std::string name :
       {"Connection", "content-length", "TRANSFER-ENCODING", "Upgrade", "Keep-Alive", "TE",
        "Trailer", "Proxy-Connection", "HTTP2-Settings", "Expect"})
    CHECK(text(checkFieldName(name)) ==
          "\"" + name + "\" belongs to the connection and cannot be edited");
}

TEST_CASE("values know variables of the request and of TLS") {
  for (const char* value : {"", "plain", "$request_id", "a $host b $scheme", "$remote_addr:$host",
                            "5 $", "$5", "US$ 5", "$-", "gr\xc3\xbc\xc3\x9f"})
    CHECK(text(checkFieldValue(value)).empty());
  for (const char* value : {"$ssl_protocol $ssl_cipher", "$ssl_server_name", "$ssl_client_verify",
                            "$ssl_client_s_dn", "$ssl_client_fingerprint", "$ssl_session_reused"})
    CHECK(text(checkFieldValue(value)).empty());
  CHECK(text(checkFieldValue("$ssl_client_dn")) ==
        "unknown variable \"$ssl_client_dn\" -> $ssl_client_s_dn");
  CHECK(text(checkFieldValue("$hots")) == "unknown variable \"$hots\" -> $host");
  CHECK(text(checkFieldValue("$host $nothing_like_it")) == "unknown variable \"$nothing_like_it\"");
  CHECK(text(checkFieldValue("$hosts")) == "unknown variable \"$hosts\" -> $host");
  CHECK(text(checkFieldValue("${host}")) == "variables are written without braces, as $host");
  CHECK(text(checkFieldValue("$foo ${bar} $host $hots")) ==
        "unknown variable \"$foo\"; variables are written without braces, as $host; "
        "unknown variable \"$hots\" -> $host");
  CHECK(text(checkFieldValue("$$nope")) == "unknown variable \"$nope\"");
}

TEST_CASE("values have no control characters and a length") {
  for (const char* value : {"a\nb", "a\r", "\t", "\x7f"})
    CHECK(text(checkFieldValue(value)) == "control characters are not allowed in a field");
  CHECK(text(checkFieldValue(std::string(4096, 'a'))).empty());
  CHECK(text(checkFieldValue(std::string(4097, 'a'))) == "is longer than 4096 bytes");
}

TEST_CASE("a Host is a host, with or without a port") {
  for (const char* value :
       {"a", "a.example:8080", "a:", "10.0.0.1:80", "[::1]", "[::1]:8080", "a_b", "a%20b",
        "a:65535", "$host", "$host:8080", "[$remote_addr]:80", "x-$host.example"})
    CHECK(text(checkHostValue(value)).empty());
  for (const std::string value :
       {"a/b c",   "a/b", "a b",      "a,b",     "u@a",      "a:x",    "a:65536",
        "a:80:80", ":80", "[::1",     "[x]",     "[::1]x",   "a%2",    "a%zz",
        "a?b",     "a#b", "\xc3\xbc", "$host/x", "$host, b", "a $host"})
    CHECK(text(checkHostValue(value)) == "\"" + value + "\" is no host, with or without a port");
}

TEST_CASE("paths begin with a slash and have the bytes of paths") {
  for (const char* path : {"/", "/api/", "/a%20b", "/a;b=c,d", "/~x"})
    CHECK(text(checkPath(path)).empty());
  CHECK(text(checkPath("")) == "is empty");
  CHECK(text(checkPath("api")) == "\"api\" does not begin with a slash -> /api");
  for (const std::string path : {"/a b", "/a?b", "/a#b"})
    CHECK(text(checkPath(path)) ==
          "\"" + path + "\" has a byte that no path has; percent-encode it");
  CHECK_FALSE(text(checkPath("/\xc3\xbc")).empty());
  CHECK_FALSE(text(checkPath("/\n")).empty());
}

TEST_CASE("server names are hosts, or wildcards in front") {
  for (const char* name :
       {"example.com", "*.example.com", "localhost", "10.0.0.1", "[::1]", "a_b", "example.com."})
    CHECK(text(checkServerName(name)).empty());
  CHECK(text(checkServerName("_")) == "\"_\" is no host; leave server_name out for any host");
  CHECK(text(checkServerName("*")) == "\"*\" is no host; leave server_name out for any host");
  CHECK(text(checkServerName("a.com:80")) ==
        "\"a.com:80\" has a port; write the host alone -> a.com");
  const std::string other = " is neither a host nor of the form *.example.com";
  for (const std::string name : {"", "*.", "www.*.com", "*example.com", ".example.com", "a..b",
                                 "a b", "[::1", "[x]", "~^www"})
    CHECK(text(checkServerName(name)) == "\"" + name + "\"" + other);
  CHECK(text(checkServerName(std::string(253, 'a'))).empty());
  CHECK_FALSE(text(checkServerName(std::string(254, 'a'))).empty());
}

}  // namespace oxbow::config
