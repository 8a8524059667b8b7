#include "proxy/tls/file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow::tls;

namespace {

struct FileFixture {
  TempDir dir;

  std::string write(const std::string& bytes, mode_t mode = 0600) const {
    const std::string path = dir.file("file");
    std::ofstream(path) << bytes;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
  }
};

}  // namespace

TEST_CASE_FIXTURE(FileFixture, "a file is read whole, and not one byte beyond the bound") {
  const std::string path = write(std::string("a\0b", 3));
  CHECK(readFile(path, 3).value() == std::string("a\0b", 3));
  CHECK(readFile(path, 2).error().message == "is larger than 2 bytes");
  CHECK(readFile(write(""), 2).value().empty());
}

TEST_CASE_FIXTURE(FileFixture, "what is no file is told in plain words") {
  CHECK(readFile(dir.file("none"), 9).error().message == "no such file");
  CHECK(readFile(dir.file("none"), 9).error().isAbsent);
  CHECK(readFile(dir.file(""), 9).error().message == "is a folder, not a file");
  REQUIRE(::mkfifo(dir.file("pipe").c_str(), 0600) == 0);
  CHECK(readFile(dir.file("pipe"), 9).error().message == "is not a regular file");
}

TEST_CASE_FIXTURE(FileFixture, "a secret that everybody may write is not read") {
  CHECK(readSecret(write("secret", 0602), 9).error().message.find("everybody may write it") == 0);
  CHECK(readSecret(write("secret", 0620), 9).value().text() == "secret");
}

TEST_CASE_FIXTURE(FileFixture, "a secret knows whether everybody may read it") {
  CHECK(readSecret(write("secret", 0604), 9).value().readableByAll);
  CHECK_FALSE(readSecret(write("secret", 0640), 9).value().readableByAll);
}

TEST_CASE("a relative path counts from the folder") {
  CHECK(pathIn("/etc/oxbow", "site.pem") == "/etc/oxbow/site.pem");
  CHECK(pathIn("/etc/oxbow/", "tls/site.pem") == "/etc/oxbow/tls/site.pem");
  CHECK(pathIn("/etc/oxbow", "/site.pem") == "/site.pem");
  CHECK(pathIn("", "site.pem") == "site.pem");
}
