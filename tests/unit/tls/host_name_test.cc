#include "proxy/tls/host_name.h"

#include <doctest/doctest.h>

#include <string>

using namespace oxbow::tls;

TEST_CASE("names are compared in lower case and without the dot at their end") {
  CHECK(HostName("WWW.Example.").text() == "www.example");
  CHECK(HostName("www.example..").text() == "www.example.");
  CHECK(HostName("").text().empty());
  CHECK(HostName(".").text().empty());
  CHECK(HostName(std::string(253, 'a')).text().size() == 253);
  CHECK(HostName(std::string(254, 'a')).text().empty());
}

TEST_CASE("a host goes without its port") {
  CHECK(withoutPort("a.example:443") == "a.example");
  CHECK(withoutPort("a.example") == "a.example");
  CHECK(withoutPort("[::1]:443") == "::1");
  CHECK(withoutPort("[::1]") == "::1");
  CHECK(withoutPort("[::1") == "::1");
  CHECK(withoutPort("") == "");
}

TEST_CASE("patterns are names, or a star and a name") {
  CHECK(parsePattern("A.example.") == "a.example");
  CHECK(parsePattern("localhost") == "localhost");
  CHECK(parsePattern("*.Example") == "*.example");
  CHECK(parsePattern("xn--bcher-kva.example") == "xn--bcher-kva.example");
  for (const char* wrong : {"", "*", "*.", "a*.example", "*a.example", "*.*.example", "a..example",
                            ".example", "a b.example", "b\xc3\xbc.example"})
    CHECK_MESSAGE(!parsePattern(wrong), wrong);
  CHECK(parsePattern(std::string(63, 'a') + ".example"));
  CHECK_FALSE(parsePattern(std::string(64, 'a') + ".example"));
}

TEST_CASE("an exact name goes before a star, which covers one label") {
  HostPatterns patterns;
  patterns.add("a.example", 1);
  patterns.add("*.example", 2);
  patterns.add("*.b.example", 3);
  CHECK(patterns.find("a.example") == 1);
  CHECK(patterns.find("A.EXAMPLE.") == 1);
  CHECK(patterns.find("b.example") == 2);
  CHECK(patterns.find("a.b.example") == 3);
  CHECK(patterns.find("a.a.example") == std::nullopt);
  CHECK(patterns.find("a.a.b.example") == std::nullopt);
  CHECK(patterns.find("example") == std::nullopt);
  CHECK(patterns.find(".example") == std::nullopt);
  CHECK(patterns.find("*.example") == 2);  // a label like any other
  CHECK(patterns.find("") == std::nullopt);
}
