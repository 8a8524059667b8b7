#include "proxy/admin/dashboard.h"

#include <doctest/doctest.h>

#include <string>

#include "proxy/pool/close_reason.h"

using namespace oxbow::admin;

namespace {

size_t countOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("the policy lets the page run what is in it, and nothing else") {
  const std::string_view policy = dashboardPolicy();
  CHECK(policy.substr(0, 20) == "default-src 'none'; ");
  CHECK(has(policy, "; script-src 'sha256-"));
  CHECK(has(policy, "; style-src 'sha256-"));
  CHECK(has(policy, "; frame-ancestors 'none'"));
  CHECK_FALSE(has(policy, "unsafe"));
  CHECK_FALSE(has(policy, "*"));
}

TEST_CASE("the page loads nothing from elsewhere") {
  const std::string_view page = dashboardPage();
  CHECK(page.substr(0, 15) == "<!DOCTYPE html>");
  CHECK(countOf(page, "://") == 1);
  CHECK(has(page, "'http://www.w3.org/2000/svg'"));  // a name, not a place
  CHECK(countOf(page, "href=") == 2);
  CHECK(has(page, "<link rel=\"icon\" href=\"data:,\">"));
  CHECK(has(page, "<a href=\"/api/upstreams\">"));
  for (const char* loading : {" src=", "@import", "url(h", "import(", "import "})
    CHECK_FALSE(has(page, loading));
}

TEST_CASE("the page says what each reason of a close means") {
  for (size_t i = 0; i < static_cast<size_t>(oxbow::pool::CloseReason::Count); ++i) {
    const std::string reason(textOf(static_cast<oxbow::pool::CloseReason>(i)));
    INFO(reason);
    CHECK(has(dashboardPage(), "\n  " + reason + ": '"));
  }
}

TEST_CASE("texts of others cannot become markup or code") {
  const std::string_view page = dashboardPage();
  for (const char* way :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
        "srcdoc", "DOMParser", "createContextualFragment", " style=", " onclick=", "javascript:"}) {
    INFO(way);
    CHECK_FALSE(has(page, way));
  }
}
