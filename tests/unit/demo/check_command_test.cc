#include "proxy/demo/check_command.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/unit/log/temp_dir.h"

namespace oxbow::demo {

namespace {

// A file with that text, for as long as the object lives.
struct TempFile {
  explicit TempFile(const std::string& text) : name(dir.file("c.yaml")) {
    std::ofstream(name) << text;
  }

  const TempDir dir;
  const std::string name;
};

// All that was written; the file is closed.
std::string contents(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

void replaceAll(std::string& text, const std::string& name, const std::string& with) {
  for (size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, name.size(), with);
}

// A file with that text, checked; what was printed, with FILE in place of its name.
struct Checked {
  explicit Checked(const std::string& text) { check(TempFile(text).name); }

  void check(const std::string& name) {
    std::FILE* verdictFile = std::tmpfile();
    std::FILE* problemsFile = std::tmpfile();
    status = checkCommand(name, verdictFile, problemsFile);
    verdict = contents(verdictFile);
    problems = contents(problemsFile);
    replaceAll(verdict, name, "FILE");
    replaceAll(problems, name, "FILE");
  }

  int status = -1;
  std::string verdict;
  std::string problems;
};

// Two files compared; what was printed, with OLD and NEW in place of their names.
struct Compared {
  Compared(const std::string& before, const std::string& after) {
    const TempFile oldFile(before);
    const TempFile newFile(after);
    std::FILE* verdictFile = std::tmpfile();
    std::FILE* problemsFile = std::tmpfile();
    status = diffCommand(oldFile.name, newFile.name, verdictFile, problemsFile);
    verdict = contents(verdictFile);
    problems = contents(problemsFile);
    replaceAll(problems, oldFile.name, "OLD");
    replaceAll(problems, newFile.name, "NEW");
  }

  int status = -1;
  std::string verdict;
  std::string problems;
};

const std::string kListeners =
    "listeners: [ { listen: 127.0.0.1:0, routes: [ { proxy_pass: app } ] } ]\n";

std::string withServers(const std::string& servers, const std::string& more = "") {
  return "upstreams: { app: { servers: [ " + servers + " ]" + more + " } }\n" + kListeners;
}

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
  CHECK(contents(problems) == "cannot write to standard output: No space left on device\n");
}

TEST_CASE("a file that is not there is a problem") {
  Checked missing("");
  missing.check("/nowhere/oxbow.yaml");
  CHECK(missing.status == 1);
  CHECK(missing.problems.find("FILE") == 0);
}

TEST_CASE("of two files every change is told, a line each, and their number") {
  const Compared some(withServers("a:1, b:1", ", max_conns: 5"),
                      withServers("b:1, c:1", ", max_conns: 4"));
  CHECK(some.status == 0);
  CHECK(some.problems.empty());
  CHECK(some.verdict ==
        "- upstreams.app.servers a:1 (no new requests; idle connections close, active ones "
        "finish)\n"
        "+ upstreams.app.servers c:1 (new connections go there too)\n"
        "~ upstreams.app.max_conns: 5 -> 4 (idle connections beyond it close; active ones "
        "finish)\n"
        "3 changes: 1 added, 1 removed, 1 changed\n");
}

TEST_CASE("two files that say the same have no changes") {
  const Compared none(withServers("a:1, b:1"), withServers("B:1, A:1", ", read_timeout: 1m"));
  CHECK(none.status == 0);
  CHECK(none.verdict == "no changes\n");
  CHECK(none.problems.empty());
}

TEST_CASE("of two files the problems of either are told, and nothing is compared") {
  const std::string good = withServers("a:1");
  const std::string bad = withServers("a:1", ", keepalve: 1");
  const Compared oldIsBad(bad, good);
  CHECK(oldIsBad.status == 1);
  CHECK(oldIsBad.verdict.empty());
  CHECK(oldIsBad.problems.find("OLD:1:") == 0);
  const Compared newIsBad(good, bad);
  CHECK(newIsBad.status == 1);
  CHECK(newIsBad.problems.find("NEW:1:") == 0);
  const Compared both(bad, bad);
  CHECK(both.status == 1);
  CHECK(both.problems.find("OLD:1:") == 0);
  CHECK(both.problems.find("\nNEW:1:") != std::string::npos);
}

}  // namespace oxbow::demo
