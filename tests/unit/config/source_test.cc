#include "proxy/config/source.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "proxy/config/loader.h"

namespace oxbow::config {

namespace {

// A directory of its own, gone at the end.
class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "oxbow-config-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() {
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string file() const { return path_ + "/oxbow.yaml"; }
  void write(const std::string& text) const { std::ofstream(file()) << text; }

 private:
  std::string path_;
};

std::string firstError(const std::string& path) {
  const LoadResult result = loadFile(path);
  CHECK_FALSE(result.config.has_value());
  REQUIRE(result.problems.size() == 1);
  return format(result.problems[0], "f");
}

std::string faultOf(std::string_view text) {
  const auto problem = checkSource(text);
  return problem ? format(*problem, "f") : "";
}

}  // namespace

TEST_CASE("a file is read and keeps its name") {
  const Folder folder;
  folder.write("listeners: [ { listen: 127.0.0.1:0, routes: [ { return: 404 } ] } ]\n");
  const LoadResult result = loadFile(folder.file());
  CHECK(result.problems.empty());
  REQUIRE(result.config.has_value());
  CHECK(result.config->file == folder.file());
}

TEST_CASE("what is no readable regular file is refused without a place") {
  const Folder folder;
  CHECK(firstError(folder.file()) == "f: cannot open the file: No such file or directory");
  CHECK(firstError("") == "f: cannot open the file: No such file or directory");
  CHECK(firstError(folder.path()) == "f: is a directory, not a file");
  CHECK(firstError("/dev/zero") == "f: is not a regular file");
  // A pipe that nobody writes to: opening it must not wait.
  REQUIRE(::mkfifo(folder.file().c_str(), 0600) == 0);
  CHECK(firstError(folder.file()) == "f: is not a regular file");
}

TEST_CASE("H.1: a file of 1 GB is refused before it is read") {
  const Folder folder;
  folder.write("");
  REQUIRE(::truncate(folder.file().c_str(), 1 << 30) == 0);  // sparse: it takes no room
  CHECK(firstError(folder.file()) ==
        "f: the file is larger than 1048576 bytes, the most that is read");
}

TEST_CASE("the limit is exact") {
  const Folder folder;
  folder.write(std::string(kMaxFileSize, '#'));
  CHECK(readSource(folder.file()).ok());
  folder.write(std::string(kMaxFileSize + 1, '#'));
  CHECK_FALSE(readSource(folder.file()).ok());
  CHECK(faultOf(std::string(kMaxFileSize, '#')).empty());
  CHECK(faultOf(std::string(kMaxFileSize + 1, '#')) ==
        "f: the file is larger than 1048576 bytes, the most that is read");
}

TEST_CASE("H.1: control characters are refused with their place") {
  using namespace std::string_view_literals;
  CHECK(faultOf("a: 1\nb: \0"sv) == "f:2:4: a NUL byte is not allowed");
  CHECK(faultOf("a\x04"sv) == "f:1:2: the control character \\x04 is not allowed");
  CHECK(faultOf("\x7f"sv) == "f:1:1: the control character \\x7f is not allowed");
  CHECK(faultOf("a: 1\rb: 2\n"sv) == "f:1:5: a carriage return without a line feed is not allowed");
  CHECK(faultOf("a: 1\r"sv) == "f:1:5: a carriage return without a line feed is not allowed");
  CHECK(faultOf("a:\t1\r\nb: 2\r\n"sv).empty());
}

TEST_CASE("only well-formed UTF-8 is text") {
  const std::string refused = "f:1:3: this is not UTF-8 text";
  for (const char* text : {"a \xff", "a \x80", "a \xc3", "a \xc3(", "a \xc0\xaf", "a \xe0\x80\xaf",
                           "a \xed\xa0\x80", "a \xe2\x82", "a \xf0\x80\x80\x80",
                           "a \xf4\x90\x80\x80", "a \xf5\x80\x80\x80", "a \xf0\x9f\x98"})
    CHECK(faultOf(text) == refused);
  for (const char* text : {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbd",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbb\xbf"})
    CHECK(faultOf(text).empty());
  // UTF-16 begins with a mark that is no UTF-8.
  CHECK(faultOf("\xff\xfe") == "f:1:1: this is not UTF-8 text");
}

}  // namespace oxbow::config
