#include "proxy/dns/hosts_file.h"

#include <doctest/doctest.h>

#include <fstream>

#include "proxy/dns/reply.h"
#include "tests/unit/log/temp_dir.h"

namespace oxbow::dns {
namespace {

// "10.0.0.1 ::1"; "-" when the file does not name it.
std::string found(const HostsFile& file, std::string_view name) {
  const auto* addresses = file.find(name);
  if (addresses == nullptr) return "-";
  std::string all;
  for (const SocketAddress& address : *addresses) {
    CHECK(address.port() == 0);
    char ip[48];
    all += (all.empty() ? "" : " ") + std::string(ip, address.writeIp(ip));
  }
  return all;
}

std::string found(std::string_view text, std::string_view name) {
  return found(HostsFile::parse(text), name);
}

}  // namespace

TEST_CASE("a hosts file has names and aliases, blanks and comments") {
  const HostsFile file = HostsFile::parse(
      "# of this machine\n"
      "127.0.0.1\tlocalhost  loop\n"
      "\n"
      "  10.0.0.1 \t api.internal api # the first\n"
      "10.0.0.2 db.internal#no.name\r\n"
      "2001:db8::1 api6.internal");
  CHECK(found(file, "localhost") == "127.0.0.1");
  CHECK(found(file, "loop") == "127.0.0.1");
  CHECK(found(file, "api.internal") == "10.0.0.1");
  CHECK(found(file, "api") == "10.0.0.1");
  CHECK(found(file, "db.internal") == "10.0.0.2");
  CHECK(found(file, "api6.internal") == "2001:db8::1");
  for (const char* name : {"#", "the", "first", "no.name", "10.0.0.1", "", "."})
    CHECK(found(file, name) == "-");
  CHECK(file.size() == 6);
}

TEST_CASE("names have no case, and may end with a dot") {
  CHECK(found("10.0.0.1 API.Internal", "api.internal") == "10.0.0.1");
  CHECK(found("10.0.0.1 api.internal", "Api.INTERNAL.") == "10.0.0.1");
  CHECK(found("10.0.0.1 api.internal.", "api.internal") == "10.0.0.1");
}

TEST_CASE("lines of one name count together, and no address twice") {
  CHECK(found("10.0.0.2 api\n::1 api\n10.0.0.1 x API\n10.0.0.2 api.\n", "api") ==
        "10.0.0.2 ::1 10.0.0.1");
}

TEST_CASE("lines that are none are passed over") {
  const HostsFile file = HostsFile::parse(
      "fe80::1%eth0 scoped\n"
      "api.internal 10.0.0.1\n"
      "10.0.0 short\n"
      "10.0.0.1:80 port\n"
      "[::1] brackets\n"
      "10.0.0.9\n"
      "10.0.0.1 good\n" +
      ("10.0.0.2 " + std::string(254, 'a') + " better\n"));
  CHECK(found(file, "good") == "10.0.0.1");
  CHECK(found(file, "better") == "10.0.0.2");
  CHECK(file.size() == 2);
}

TEST_CASE("a hosts file is looked at as far as the limits go") {
  std::string many;
  for (size_t i = 0; i < HostsFile::kMaxNames; ++i) many += "::1 n" + std::to_string(i) + "\n";
  REQUIRE(many.size() < HostsFile::kMaxText);
  const HostsFile full = HostsFile::parse(many + "::2 late n0\n");
  CHECK(full.size() == HostsFile::kMaxNames);
  CHECK(found(full, "n0") == "::1");
  CHECK(found(full, "late") == "-");

  // What is cut would be another name.
  const std::string head = "10.0.0.1 early\n";
  const std::string cut = "\n10.0.0.2 cutoff.example\n";
  const std::string long_ = head + std::string(HostsFile::kMaxText - head.size() - 16, ' ') + cut;
  CHECK(HostsFile::parse(long_).size() == 1);
  CHECK(found(long_, "early") == "10.0.0.1");
  CHECK(HostsFile::parse(std::string(2 * HostsFile::kMaxText, 'x')).size() == 0);

  std::string same;
  for (int i = 0; i < 40'000; ++i) same += "::" + std::to_string(i % 9999) + " api\n";
  CHECK(HostsFile::parse(same).find("api")->size() == kMaxAddresses);
}

TEST_CASE("a hosts file that is not there is empty") {
  TempDir dir;
  CHECK(HostsFile::read(dir.file("missing")).size() == 0);
  CHECK(HostsFile::read(dir.file("")).size() == 0);  // a folder
  std::ofstream(dir.file("hosts")) << "10.0.0.1 api\n";
  CHECK(found(HostsFile::read(dir.file("hosts")), "api") == "10.0.0.1");
}

}  // namespace oxbow::dns
