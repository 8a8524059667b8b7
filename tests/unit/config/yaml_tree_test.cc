#include "proxy/config/yaml_tree.h"

#include <doctest/doctest.h>

#include <utility>

namespace oxbow::config {

namespace {

Node parsed(std::string_view text) {
  Tree tree = parseYaml(text);
  for (const Problem& problem : tree.problems) FAIL_CHECK(format(problem, "f"));
  REQUIRE(tree.root.has_value());
  return *tree.root;
}

// The only problem.
std::string problemOf(std::string_view text) {
  const Tree tree = parseYaml(text);
  REQUIRE(tree.problems.size() == 1);
  return format(tree.problems[0], "f").substr(2);
}

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("the tree has kinds, texts and places") {
  const Node root = parsed("a: 1\nb:\n  - x\n  - \"y\"\nc: { d: }\ne:\n");
  REQUIRE(root.isMapping());
  REQUIRE(root.children.size() == 4);
  CHECK(root.place == Place{1, 1});

  const Node& a = root.children[0];
  CHECK(a.key == "a");
  CHECK(a.keyPlace == Place{1, 1});
  CHECK(a.isScalar());
  CHECK(a.text == "1");
  CHECK(a.place == Place{1, 4});
  CHECK_FALSE(a.isQuoted);

  const Node& b = root.children[1];
  REQUIRE(b.isList());
  REQUIRE(b.children.size() == 2);
  CHECK(b.place == Place{3, 3});
  CHECK(b.children[0].place == Place{3, 5});
  CHECK(b.children[1].text == "y");
  CHECK(b.children[1].isQuoted);

  const Node& c = root.children[2];
  REQUIRE(c.isMapping());
  CHECK(c.place == Place{5, 4});
  CHECK(c.children[0].isNull());
  CHECK(c.children[0].place == Place{5, 6});  // a null stands where its key stands

  CHECK(root.children[3].isNull());
  CHECK(root.find("b") == &b);
  CHECK(root.find("x") == nullptr);
}

TEST_CASE("places count bytes, also after a byte order mark and with CRLF") {
  const Node root = parsed("\xEF\xBB\xBF\xC3\xA4: \xC3\xB6\r\nb: 'x'\r\n");
  CHECK(root.children[0].key == "\xC3\xA4");
  CHECK(root.children[0].place == Place{1, 5});
  CHECK(root.children[1].text == "x");
  CHECK(root.children[1].place == Place{2, 4});
}

TEST_CASE("a file without content has no root, and null is a null") {
  CHECK_FALSE(parseYaml("").root.has_value());
  CHECK_FALSE(parseYaml("# only a comment\n").root.has_value());
  CHECK(parsed("~").isNull());
  CHECK(parsed("---\n").isNull());
}

TEST_CASE("H.1: duplicate keys are all found, with the line of the first") {
  const Tree tree = parseYaml("a: 1\nb: { c: 1, c: 2 }\na: 2\nd: [ { e: 1, e: 2 } ]\na: 3\n");
  std::string all;
  for (const Problem& problem : tree.problems) all += format(problem, "f") + "\n";
  CHECK(tree.root.has_value());
  CHECK(all ==
        "f:2:12: b.c: duplicate key; the first is in line 2\n"
        "f:3:1: a: duplicate key; the first is in line 1\n"
        "f:4:14: d[0].e: duplicate key; the first is in line 4\n"
        "f:5:1: a: duplicate key; the first is in line 1\n");
}

TEST_CASE("H.1: anchors, aliases, merge keys and tags are refused") {
  CHECK(problemOf("a: &x [ 1 ]\nb: [ *x, *x ]\n") ==
        "1:4: a: anchors (\"&x\") and aliases are not allowed");
  CHECK(problemOf("a: *x\n") ==
        "1:4: a: YAML syntax: aliases are not allowed; a value that begins with * must be quoted, "
        "as \"*:8080\"");
  CHECK(problemOf("a:\n  <<: { b: 1 }\n") == "2:3: a: merge keys (<<) are not allowed");
  CHECK(problemOf("a: !!str 5\n") == "1:4: a: tags (\"tag:yaml.org,2002:str\") are not allowed");
  CHECK(problemOf("- !x [ 5 ]\n") == "1:3: [0]: tags (\"!x\") are not allowed");
}

TEST_CASE("H.1: an alias bomb ends at its first anchor") {
  CHECK(problemOf("a: &a [ x, x ]\nb: &b [ *a, *a ]\nc: &c [ *b, *b ]\n").substr(0, 5) == "1:4: ");
}

TEST_CASE("H.1: nesting has a limit") {
  CHECK(parseYaml(repeat("[", kMaxDepth) + repeat("]", kMaxDepth)).problems.empty());
  const std::string message = "nested deeper than 32";
  CHECK(problemOf(repeat("[", kMaxDepth + 1) + repeat("]", kMaxDepth + 1)).substr(0, 6) ==
        "1:33: ");
  CHECK(problemOf(repeat("- ", kMaxDepth + 1)).find("1:65: [0][0]") == 0);
  CHECK(problemOf(repeat("{ a: ", kMaxDepth + 1) + repeat(" }", kMaxDepth + 1)).find(message) !=
        std::string::npos);
  // As many levels as a file has room for, closed and not: no overflow of the stack, one problem.
  const std::pair<const char*, const char*> levels[] = {
      {"[", ""},    {"{", ""},   {"- ", ""}, {"? ", ""}, {"[a: ", ""},
      {"{a: ", ""}, {"{? ", ""}, {"[", "]"}, {"{", "}"}, {"{ a: ", "}"}};
  for (const auto& [open, close] : levels) {
    const size_t times =
        (1 << 20) / (std::string_view(open).size() + std::string_view(close).size());
    CHECK_FALSE(problemOf(repeat(open, times) + repeat(close, times)).empty());
  }
  std::string stairs;
  for (size_t i = 0; i < 1000; ++i) stairs += std::string(i, ' ') + "a:\n";
  // The mapping of level n is in line n, column n.
  CHECK(problemOf(stairs).substr(0, 7) == "33:33: ");
}

TEST_CASE("H.1: the number of values has a limit") {
  CHECK(parseYaml("[" + repeat("a,", kMaxNodes - 1) + "]").problems.empty());
  CHECK(problemOf("[" + repeat("a,", kMaxNodes) + "]").find(": [99999]: more than 100000 values") !=
        std::string::npos);
  CHECK(problemOf(repeat("- a: b\n", kMaxNodes / 3 + 1)).find("more than 100000 values") !=
        std::string::npos);
}

TEST_CASE("H.1: brackets that are not closed are nested too deeply all the same") {
  CHECK(problemOf("a: " + repeat("[", 100) + "\n").find("nested deeper than 32") !=
        std::string::npos);
  CHECK(problemOf("a: " + repeat("{", 100) + "\n").find("nested deeper than 32") !=
        std::string::npos);
  CHECK(problemOf("a: [[[\n").find("is a bracket not closed?") != std::string::npos);
}

TEST_CASE("a tab that indents is explained, wherever it stands") {
  const std::string message = ": a tab cannot indent YAML; use spaces";
  const std::pair<std::string, std::string> samples[] = {
      {"\ta: 1\nb: 2\n", "1:1"},
      {"a: 1\n\tb: 2\n", "2:1: a"},
      {"a:\n\tb:\n\t\tc: 1\n", "2:1"},
      {"a:\n  b:\n\tc: [ 1 ]\n", "3:1: a"},
      {"a:\n  b:\n  \tc: [ 1 ]\n", "3:3: a"},
      {"a:\n  b:\n\t- c\n", "3:1: a.b"},
      {"a:\n  - b\n\t- c\n", "3:1: a[0]"},
      {"a:\n  -\tb: 1\n    c: 2\n", "2:4: a"},
  };
  for (const auto& sample : samples) {
    CAPTURE(sample.first);
    const std::string problem = problemOf(sample.first);
    CHECK(problem.substr(0, sample.second.size()) == sample.second);
    CHECK(problem.find(message) != std::string::npos);
  }
  CHECK(parseYaml("a: 1\t# a tab\nb: \"\t\"\nc: |\n  \tx\nd: [\n\t1 ]\n").problems.empty());
}

TEST_CASE("directives are refused, in front of the document and behind it") {
  CHECK(problemOf("%YAML 1.2\n---\na: 1\n") == "1:1: directives (%) are not allowed");
  CHECK(problemOf("a: 1\n%directive\n") == "2:1: directives (%) are not allowed");
  CHECK(problemOf("a: 1\n%") == "2:1: directives (%) are not allowed");
  CHECK(parseYaml("a: 5%\nb: \"%x\"\nc:\n  - 6%\n").problems.empty());
}

TEST_CASE("one document a file") {
  CHECK(parseYaml("---\na: 1\n...\n").problems.empty());
  const std::string message = "text after the end of the document; a file holds one YAML document";
  CHECK(problemOf("a: 1\n---\nb: 2\n") == "2:1: " + message);
  CHECK(problemOf("{ a: 1 }\nb: 2\n") == "2:1: " + message);
}

TEST_CASE("an IPv6 address without quotes is explained") {
  const std::string message =
      "an IPv6 address must be quoted, as \"[::1]:8080\"; without quotes YAML reads a list";
  CHECK(problemOf("listen: [::1]:8080\n") == "1:9: listen: " + message);
  CHECK(problemOf("l:\n  - listen: [::1]:8080\n    routes: []\n") ==
        "2:13: l[0].listen: " + message);
  CHECK(problemOf("servers: [ a, [::1]:8080 ]\n") == "1:15: servers[1]: " + message);
  CHECK(problemOf("servers:\n  - [::1]:8080\n") == "2:5: servers[0]: " + message);
  CHECK(problemOf("{listen: [::1]:8080}\n") == "1:10: listen: " + message);
  CHECK(parseYaml("a: [ b:80, c:80 ]\nb: [::]x\n").problems.size() == 1);
  CHECK(parseYaml("a: [ \"[::1]:80\", b:80 ]\nb: \"[::1]:80\"\n").problems.empty());
}

TEST_CASE("H.2: half a file is no file") {
  CHECK(problemOf("a: \"b\n") == "1:4: a: the quote that opens here is not closed on its line");
  CHECK(problemOf("a: 'b\n") == "1:4: a: the quote that opens here is not closed on its line");
  CHECK(problemOf("a: 'it''s\n") == "1:4: a: the quote that opens here is not closed on its line");
  CHECK(problemOf("a: \"b\\\"\n") == "1:4: a: the quote that opens here is not closed on its line");
  CHECK(problemOf("a: \"b\n  c\"\n") ==
        "1:4: a: the quote that opens here is not closed on its line");
  CHECK(problemOf("a: { b: 1\n").find("YAML syntax: ") != std::string::npos);
  CHECK(problemOf("a: [ b, c\n").find("YAML syntax: ") != std::string::npos);
  CHECK(problemOf("a: \"b").find("YAML syntax: ") != std::string::npos);
}

TEST_CASE("quotes that end on their line are fine") {
  const Node root =
      parsed("a: 'it''s'\nb: \"\\\"x\\\\\"\nc: \"\"\nd: ''\ne: |\n  \"two\n  lines\n");
  CHECK(root.children[0].text == "it's");
  CHECK(root.children[1].text == "\"x\\");
  CHECK(root.children[2].text.empty());
  CHECK(root.children[3].text.empty());
  CHECK(root.children[4].text == "\"two\nlines\n");
}

TEST_CASE("keys are texts") {
  CHECK(problemOf("? [ a ]\n: b\n") ==
        "1:3: a list or mapping cannot be a key; is a bracket not closed?");
  CHECK(problemOf(": b\n") == "1:1: a key is missing");
  CHECK(problemOf("{ a: 1,, b: 2 }\n").find("a key is missing") != std::string::npos);
}

TEST_CASE("syntax errors have a place") {
  CHECK(problemOf("a: 1\n b: 2\n").substr(0, 5) == "2:3: ");
  CHECK(problemOf("a: 1\n\tb: 2\n").substr(0, 4) == "2:1:");
  CHECK(problemOf("a: @x\n").substr(0, 5) == "1:4: ");
}

}  // namespace oxbow::config
