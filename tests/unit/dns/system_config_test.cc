#include "proxy/dns/system_config.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/unit/log/temp_dir.h"

namespace oxbow::dns {
namespace {

using Names = std::vector<std::string>;

Names serversOf(std::string_view text) {
  Names servers;
  for (const SocketAddress& server : SystemConfig::parse(text).servers)
    servers.push_back(server.text());
  return servers;
}

Names searchOf(std::string_view text) { return SystemConfig::parse(text).search; }
uint32_t ndotsOf(std::string_view text) { return SystemConfig::parse(text).ndots; }

}  // namespace

TEST_CASE("the resolv.conf of a pod") {
  const SystemConfig config = SystemConfig::parse(
      "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
      "nameserver 10.96.0.10\n"
      "options ndots:5\n");
  REQUIRE(config.servers.size() == 1);
  CHECK(config.servers[0].text() == "10.96.0.10:53");
  CHECK(config.search == Names{"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"});
  CHECK(config.ndots == 5);
}

TEST_CASE("three name servers count, in their order") {
  CHECK(serversOf(
            "nameserver 10.0.0.2\nnameserver ::1\r\nnameserver\t10.0.0.1\nnameserver 1.1.1.1") ==
        Names{"10.0.0.2:53", "[::1]:53", "10.0.0.1:53"});
  CHECK(serversOf("nameserver fe80::1%eth0\nnameserver dns.example\nnameserver 10.0.0.1:53\n"
                  "nameserver\nnameserver 10.0.0.9 # the last\n") == Names{"10.0.0.9:53"});
}

TEST_CASE("without a name server it is the machine's own") {
  CHECK(serversOf("") == Names{"127.0.0.1:53"});
  CHECK(serversOf("search a\nnameserver fe80::1%eth0\n") == Names{"127.0.0.1:53"});
}

TEST_CASE("of search and domain the last one holds") {
  CHECK(searchOf("").empty());
  CHECK(searchOf("search a.example b.example\n") == Names{"a.example", "b.example"});
  CHECK(searchOf("search a\nsearch B.example.\n") == Names{"b.example"});
  CHECK(searchOf("search a b\ndomain c d\n") == Names{"c"});
  CHECK(searchOf("domain c\nsearch a b\n") == Names{"a", "b"});
  CHECK(searchOf("search a\nsearch\n") == Names{"a"});
  CHECK(searchOf("search .\n").empty());
}

TEST_CASE("search domains are bounded") {
  std::string line = "search " + std::string(254, 'x');
  for (int i = 0; i < 40; ++i) line += " d" + std::to_string(i);
  const Names search = searchOf(line);
  REQUIRE(search.size() == SystemConfig::kMaxSearch);
  CHECK(search.front() == "d0");
  CHECK(search.back() == "d31");
  CHECK(serversOf(std::string(SystemConfig::kMaxText, '\n') + "nameserver 10.0.0.1") ==
        Names{"127.0.0.1:53"});
}

TEST_CASE("ndots is capped in silence") {
  CHECK(ndotsOf("") == 1);
  CHECK(ndotsOf("options ndots:0") == 0);
  CHECK(ndotsOf("options rotate ndots:15 timeout:1") == 15);
  CHECK(ndotsOf("options ndots:16") == 15);
  CHECK(ndotsOf("options ndots:4294967297") == 15);
  CHECK(ndotsOf("options ndots:2\noptions edns0\n") == 2);
  CHECK(ndotsOf("options ndots:2\noptions ndots:3\n") == 3);
  for (const char* text : {"options ndots:", "options ndots:x", "options ndots:-1", "options ndots",
                           "options Ndots:3", "ndots:3"})
    CHECK(ndotsOf(text) == 1);
}

TEST_CASE("comments begin with a hash or a semicolon, keywords begin the line") {
  CHECK(searchOf("search a # b\n") == Names{"a"});
  CHECK(searchOf("search a ;b\n") == Names{"a"});
  CHECK(searchOf("#search a\n;search b\n # search c\n search d\n\tsearch e\n").empty());
  CHECK(searchOf("searching a\nSEARCH b\n").empty());
}

TEST_CASE("the environment goes before the file") {
  TempDir dir;
  std::ofstream(dir.file("resolv.conf")) << "nameserver 10.0.0.1\nsearch a\noptions ndots:2\n";
  const auto read = [&](const SystemConfig::Environment& environment) {
    return SystemConfig::read(dir.file("resolv.conf"), environment);
  };
  CHECK(read({}) == SystemConfig::parse("nameserver 10.0.0.1\nsearch a\noptions ndots:2\n"));
  CHECK(read({.localDomain = "b.example C"}).search == Names{"b.example", "c"});
  CHECK(read({.localDomain = ""}).search.empty());
  CHECK(read({.resOptions = "rotate ndots:7"}).ndots == 7);
  CHECK(read({.resOptions = "rotate"}).ndots == 2);
  CHECK(read({.localDomain = "b"}).ndots == 2);
}

TEST_CASE("a resolv.conf that is not there is an empty one") {
  TempDir dir;
  const SystemConfig config = SystemConfig::read(dir.file("missing"), {});
  CHECK(config == SystemConfig::parse(""));
  CHECK(SystemConfig::read(dir.file(""), {.resOptions = "ndots:3"}).ndots == 3);
}

}  // namespace oxbow::dns
