#include "proxy/server/admin_token.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

namespace oxbow::server {

namespace {

class TokenFile {
 public:
  TokenFile() { REQUIRE(::mkdtemp(folder_) != nullptr); }
  ~TokenFile() {
    ::unlink(path().c_str());
    ::rmdir(folder_);
  }

  std::string load(const std::string& text, mode_t mode = 0600, bool isElsewhere = false) {
    std::ofstream(path()) << text;
    REQUIRE(::chmod(path().c_str(), mode) == 0);
    return loadAgain(isElsewhere);
  }

  std::string loadAgain(bool isElsewhere = false) {
    config::Config config;
    config.file = std::string(folder_) + "/oxbow.yaml";
    config.admin.enabled = true;
    config.admin.tokenFile = {"token", {3, 4}};  // beside the configuration
    problems = {};
    return loadAdminToken(config, problems, isElsewhere);
  }

  std::string path() const { return std::string(folder_) + "/token"; }

  TlsProblems problems;

 private:
  char folder_[32] = "/tmp/oxbow-token-XXXXXX";
};

const std::string kToken = "0123456789abcdef";

}  // namespace

TEST_CASE("one newline at the end is no part of the token") {
  TokenFile file;
  CHECK(file.load(kToken) == kToken);
  CHECK(file.load(kToken + "\n") == kToken);
  CHECK(file.load(std::string(512, '!') + "\n") == std::string(512, '!'));
  CHECK(file.problems.errors.empty());
  CHECK(file.problems.warnings.empty());
}

TEST_CASE("what is no token is a problem at its place, and is not told itself") {
  TokenFile file;
  for (const std::string& text :
       {std::string(), kToken.substr(1), kToken + "\n\n", kToken + "\r\n", kToken + " x",
        kToken + "\t", kToken + "\xC3\xA4", std::string(513, 'x'), std::string(4000, 'x')}) {
    CAPTURE(text);
    CHECK(file.load(text).empty());
    REQUIRE(file.problems.errors.size() == 1);
    const config::Problem& problem = file.problems.errors[0];
    CHECK(problem.path == "admin.token_file");
    CHECK(problem.place.line == 3);
    CHECK(problem.message.find("0123456789") == std::string::npos);
  }
}

TEST_CASE("a file that everybody may write is refused, one that they may read warned of") {
  TokenFile file;
  CHECK(file.load(kToken, 0602).empty());
  CHECK(file.problems.errors.size() == 1);
  CHECK(file.load(kToken, 0604) == kToken);
  CHECK(file.problems.errors.empty());
  CHECK(file.problems.warnings.size() == 1);
}

TEST_CASE("a file that is not there is an error, unless the configuration is for elsewhere") {
  TokenFile file;
  CHECK(file.loadAgain().empty());
  CHECK(file.problems.errors.size() == 1);
  CHECK(file.loadAgain(true).empty());
  CHECK(file.problems.errors.empty());
  CHECK(file.problems.warnings.size() == 1);
}

}  // namespace oxbow::server
