#include "proxy/config/suggest.h"

#include <doctest/doctest.h>

namespace oxbow::config {

TEST_CASE("editDistance counts single letters") {
  CHECK(editDistance("", "") == 0);
  CHECK(editDistance("abc", "") == 3);
  CHECK(editDistance("keepalive", "keepalve") == 1);  // one left out
  CHECK(editDistance("weight", "wieght") == 1);       // two neighbours swapped
  CHECK(editDistance("lifo", "fifo") == 1);           // one replaced
  CHECK(editDistance("kitten", "sitting") == 3);
  CHECK(editDistance("LISTEN", "listen") == 0);  // case does not count
}

TEST_CASE("editDistance is the same both ways") {
  CHECK(editDistance("max_conns", "max_connecting") == editDistance("max_connecting", "max_conns"));
}

TEST_CASE("words that are too long for the table are far from everything") {
  const std::string word(10'000, 'a');
  CHECK(editDistance(word, "a") == 10'000);
  CHECK(suggest(word, {"a", "aaaa"}).empty());
}

TEST_CASE("suggest finds the nearest word") {
  CHECK(suggest("keepalve", {"keepalive_min", "keepalive", "queue"}) == "keepalive");
  CHECK(suggest("ap", {"web", "api"}) == "api");
  CHECK(suggest("Listeners", {"listen", "listeners"}) == "listeners");
  CHECK(suggest("read-timeout", {"send_timeout", "read_timeout"}) == "read_timeout");
}

TEST_CASE("suggest takes words that begin alike when none is near") {
  CHECK(suggest("warning", {"debug", "info", "warn", "error"}) == "warn");
  CHECK(suggest("keepalive_tim", {"keepalive_timeout"}) == "keepalive_timeout");
  CHECK(suggest("re", {"resolver"}).empty());  // two letters say nothing
}

TEST_CASE("suggest stays silent when nothing is near") {
  CHECK(suggest("xyz", {"api", "web"}).empty());
  CHECK(suggest("abc", {}).empty());
  CHECK(suggest("", {"api"}).empty());
}

}  // namespace oxbow::config
