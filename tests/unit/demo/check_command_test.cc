#include "proxy/demo/check_command.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/unit/log/temp_dir.h"

namespace oxbow::demo {

namespace {

// A file with that text, checked; what was printed.
struct Checked {
  explicit Checked(const std::string& text) {
    const TempDir dir;
    std::ofstream(dir.file("c.yaml")) << text;
    check(dir.file("c.yaml"));
  }

  void check(const std::string& name) {
    std::FILE* verdictFile = std::tmpfile();
    std::FILE* problemsFile = std::tmpfile();
    status = checkCommand(name, verdictFile, problemsFile);
    verdict = contents(verdictFile, name);
    problems = contents(problemsFile, name);
  }

  // With FILE in place of the name.
  static std::string contents(std::FILE* file, const std::string& name) {
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
    for (size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, name.size(), "FILE");
    return text;
  }

  int status = -1;
  std::string verdict;
  std::string problems;
};

const std::string kListeners =
    "listeners: [ { listen: 127.0.0.1:0, routes: [ { proxy_pass: app } ] } ]\n";

}  // namespace

TEST_CASE("a file that is right is told to be, with what is in it") {
  const Checked one("upstreams: { app: { servers: [ 127.0.0.1:1 ] } }\n" + kListeners);
  CHECK(one.status == 0);
  CHECK(one.verdict == "FILE: ok (1 upstream, 1 listener)\n");
  CHECK(one.problems.empty());
  const Checked none("listeners: [ { listen: 127.0.0.1:0, routes: [ { return: 404 } ] } ]\n");
  CHECK(none.verdict == "FILE: ok (0 upstreams, 1 listener)\n");
}

TEST_CASE("of a file that is wrong every problem is told, a line each") {
  const Checked bad(
      "upstreams: { app: { servers: [ 127.0.0.1:1 ], keepalve: 1 } }\nlog_level: x\n" + kListeners);
  CHECK(bad.status == 1);
  CHECK(bad.verdict.empty());
  CHECK(bad.problems.find("FILE:1:47: upstreams.app.keepalve: unknown key") == 0);
  CHECK(bad.problems.find("\nFILE:2:12: log_level: ") != std::string::npos);
  CHECK(bad.problems.back() == '\n');
}

TEST_CASE("what is only unwise does not fail") {
  const Checked unwise(
      "upstreams: { app: { servers: [ 127.0.0.1:1 ], keepalive: 8, max_conns: 4 } }\n" +
      kListeners);
  CHECK(unwise.status == 0);
  CHECK(unwise.verdict == "FILE: ok (1 upstream, 1 listener)\n");
  CHECK(unwise.problems.find("warning: FILE:1:58: upstreams.app.keepalive: ") == 0);
}

TEST_CASE("an output that takes nothing does not change what a wrong file is") {
  const TempDir dir;
  std::ofstream(dir.file("bad.yaml")) << "listeners: 3\n";
  std::FILE* full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  CHECK(checkCommand(dir.file("bad.yaml"), full, full) == 1);
  std::fclose(full);
}

TEST_CASE("a verdict that cannot be written is a failure, with its reason") {
  const TempDir dir;
  std::ofstream(dir.file("good.yaml"))
      << "listeners: [ { listen: 127.0.0.1:0, routes: [ { return: 404 } ] } ]\n";
  std::FILE* full = std::fopen("/dev/full", "w");
  std::FILE* problems = std::tmpfile();
  REQUIRE(full != nullptr);
  REQUIRE(problems != nullptr);
  CHECK(checkCommand(dir.file("good.yaml"), full, problems) == 1);
  std::fclose(full);
  CHECK(Checked::contents(problems, "-") ==
        "cannot write to standard output: No space left on device\n");
}

TEST_CASE("a file that is not there is a problem") {
  Checked missing("");
  missing.check("/nowhere/oxbow.yaml");
  CHECK(missing.status == 1);
  CHECK(missing.problems.find("FILE") == 0);
}

}  // namespace oxbow::demo
