#include "proxy/tls/certificate.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/test_ca.h"

using namespace oxbow::tls;
using oxbow::test::TestCa;

using Names = std::vector<std::string>;

namespace {

Names namesOf(const oxbow::test::LeafSpec& spec) {
  TestCa ca;
  return hostNamesOf(*ca.issue(spec).certificate);
}

}  // namespace

TEST_CASE("the names of a certificate are its alternative ones") {
  CHECK(namesOf({.dns = {"B.example", "*.a.example"}, .commonName = "c.example"}) ==
        Names{"b.example", "*.a.example"});
  CHECK(namesOf({.dns = {"a.example", "A.example"}}) == Names{"a.example"});
}

TEST_CASE("the common name counts only when there are none of the kind DNS") {
  CHECK(namesOf({.commonName = "c.example"}) == Names{"c.example"});
  CHECK(namesOf({.ips = {"127.0.0.1"}, .commonName = "c.example"}) == Names{"c.example"});
  CHECK(namesOf({.dns = {"f*.example"}, .commonName = "c.example"}).empty());
  CHECK(namesOf({.commonName = "Some Body"}).empty());
  CHECK(namesOf({}).empty());
}

TEST_CASE("a subject is written as RFC 2253 has it, in UTF-8") {
  TestCa ca;
  CHECK(subjectOf(*ca.issue({.commonName = "a, b"}).certificate) == "CN=a\\, b");
  CHECK(subjectOf(*ca.issue({.commonName = "b\xc3\xbc"}).certificate) == "CN=b\xc3\xbc");
  CHECK(subjectOf(*ca.issue({}).certificate).empty());
}
