#include "proxy/admin/host_check.h"

#include <doctest/doctest.h>

using oxbow::admin::namesLoopback;

TEST_CASE("loopback addresses and localhost are this machine, with any port") {
  for (const char* authority :
       {"localhost", "localhost:9901", "LocalHost:1", "127.0.0.1", "127.0.0.1:9901", "127.255.0.9",
        "[::1]", "[::1]:9901", "[0:0:0:0:0:0:0:1]:80", "[::ffff:127.0.0.1]:80", "localhost:"}) {
    INFO(authority);
    CHECK(namesLoopback(authority));
  }
}

TEST_CASE("names that DNS resolves and other addresses are not this machine") {
  for (const char* authority :
       {"", "evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example",
        "xlocalhost", "localhostx", "localhost.", "10.0.0.1:9901", "128.0.0.1", "0.0.0.0", "[::]",
        "[::2]:80", "[::ffff:10.0.0.1]"}) {
    INFO(authority);
    CHECK_FALSE(namesLoopback(authority));
  }
}

TEST_CASE("what is no authority is not this machine") {
  for (const char* authority :
       {":9901", "localhost:80:80", "localhost:x", "localhost:80@evil.example", "::1", "[::1",
        "[::1]x", "[::1]x:80", "[", "[]", "[localhost]", "127.1", "0x7f000001", "2130706433",
        "127.0.0.1:-1", " localhost", "user@localhost"}) {
    INFO(authority);
    CHECK_FALSE(namesLoopback(authority));
  }
}
