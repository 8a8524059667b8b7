#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "proxy/admin/admin_handler.h"
#include "proxy/base/version.h"
#include "tests/unit/admin/support.h"

using namespace oxbow;
using namespace oxbow::admin;

namespace {

struct Complaint {
  int exitCode = -1;
  std::string text;
};

// What Prometheus' own linter says. Needs promtool on PATH.
Complaint promtool(const std::string& metrics) {
  std::string path = (std::filesystem::temp_directory_path() / "oxbow-metrics-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  REQUIRE(fd >= 0);
  const ssize_t written = ::write(fd, metrics.data(), metrics.size());
  ::close(fd);
  Complaint complaint;
  const std::string command = "promtool check metrics < '" + path + "' 2>&1";
  if (FILE* pipe = ::popen(command.c_str(), "r")) {
    char buffer[4096];
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe))
      complaint.text.append(buffer, n);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) complaint.exitCode = WEXITSTATUS(status);
  }
  ::unlink(path.c_str());
  REQUIRE(written == static_cast<ssize_t>(metrics.size()));
  return complaint;
}

}  // namespace

TEST_CASE("Prometheus accepts the text without complaint") {
  const Complaint complaint = promtool(metricsText(busyServer()));
  CHECK(complaint.text == "");
  CHECK(complaint.exitCode == 0);
  const Complaint ofNothing = promtool(metricsText({}));
  CHECK(ofNothing.text == "");
  CHECK(ofNothing.exitCode == 0);
}

TEST_CASE("the linter would complain") {
  CHECK(promtool("# HELP oxbow_a_milliseconds A.\n# TYPE oxbow_a_milliseconds gauge\n"
                 "oxbow_a_milliseconds 1\n")
            .exitCode != 0);
  CHECK(promtool("oxbow_a{b=c} 1\n").exitCode != 0);
}

TEST_CASE("no two samples have the same name and labels") {
  const Exposition metrics(metricsText(busyServer()));
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen;
  for (const Sample& sample : metrics.samples) {
    INFO(sample.name);
    CHECK(seen.emplace(sample.name, sample.labels).second);
  }
}

TEST_CASE("an upstream's numbers") {
  const Exposition metrics(metricsText(busyServer()));
  const std::map<std::string, std::string> api = {{"upstream", "api"}};
  const auto with = [&api](const std::string& name, const std::string& value) {
    auto labels = api;
    labels[name] = value;
    return labels;
  };
  const std::string requests = "oxbow_upstream_requests_total";
  CHECK(metrics.value(requests, with("code", "none")) == "1");
  CHECK(metrics.value(requests, with("code", "1xx")) == "2");
  CHECK(metrics.value(requests, with("code", "2xx")) == "30");
  CHECK(metrics.value(requests, with("code", "3xx")) == "4");
  CHECK(metrics.value(requests, with("code", "4xx")) == "5");
  CHECK(metrics.value(requests, with("code", "5xx")) == "6");
  CHECK(metrics.value("oxbow_upstream_request_body_bytes_total", api) == "1600");
  CHECK(metrics.value("oxbow_upstream_response_body_bytes_total", api) == "1700");
  CHECK(metrics.value("oxbow_upstream_waiting", api) == "9");
  CHECK(metrics.value("oxbow_upstream_queue_served_total", api) == "101");
  CHECK(metrics.value("oxbow_upstream_queue_refused_total", with("reason", "full")) == "11");
  CHECK(metrics.value("oxbow_upstream_queue_refused_total", with("reason", "late")) == "12");
  CHECK(metrics.value("oxbow_upstream_queue_refused_total", with("reason", "no_endpoint")) == "13");
  CHECK(metrics.value("oxbow_upstream_replays_total", api) == "14");
  CHECK(metrics.value("oxbow_upstream_replays_refused_total", api) == "15");
  CHECK(metrics.value("oxbow_upstream_keepalive", api) == "32");
  CHECK(metrics.value("oxbow_upstream_keepalive_min", api) == "2");
  CHECK(metrics.value("oxbow_upstream_max_conns", api) == "50");
  CHECK(metrics.value("oxbow_upstream_max_total_conns", api) == "200");
  CHECK(metrics.value("oxbow_upstream_max_connecting", api) == "8");
  CHECK(metrics.value("oxbow_upstream_queue_size", api) == "1024");
}

TEST_CASE("an upstream's times are those of its own, and of all its endpoints") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[1].connectTime = timesOf({4096});
  const Exposition metrics(metricsText(report));
  const std::map<std::string, std::string> api = {{"upstream", "api"}};
  CHECK(metrics.value("oxbow_upstream_request_duration_seconds_count", api) == "10");
  CHECK(metrics.value("oxbow_upstream_request_duration_seconds_sum", api) == "0.073");
  CHECK(metrics.value("oxbow_upstream_request_duration_seconds_bucket",
                      {{"upstream", "api"}, {"le", "0.001024"}}) == "9");
  CHECK(metrics.value("oxbow_upstream_wait_duration_seconds_count", api) == "1");
  CHECK(metrics.value("oxbow_upstream_first_byte_duration_seconds_count", api) == "2");
  // 0.512 and 2.048 ms to the first endpoint, 4.096 ms to the second.
  CHECK(metrics.value("oxbow_upstream_connect_duration_seconds_count", api) == "3");
  CHECK(metrics.value("oxbow_upstream_connect_duration_seconds_sum", api) == "0.006656");
}

TEST_CASE("the reuse ratio is of all endpoints, and there is none before the first connection") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[1].acquired = 100;
  const Exposition metrics(metricsText(report));
  CHECK(metrics.value("oxbow_upstream_reuse_ratio", {{"upstream", "api"}}) == "0.45");
  CHECK(metrics.value("oxbow_upstream_reuse_ratio", {{"upstream", "quiet"}}) == "");
}

TEST_CASE("an endpoint's numbers") {
  const Exposition metrics(metricsText(busyServer()));
  const std::map<std::string, std::string> one = {{"upstream", "api"},
                                                  {"endpoint", "127.0.0.1:8081"}};
  const auto with = [&one](const std::string& name, const std::string& value) {
    auto labels = one;
    labels[name] = value;
    return labels;
  };
  CHECK(metrics.value("oxbow_endpoint_connections", with("state", "idle")) == "3");
  CHECK(metrics.value("oxbow_endpoint_connections", with("state", "active")) == "4");
  CHECK(metrics.value("oxbow_endpoint_connections", with("state", "connecting")) == "5");
  CHECK(metrics.value("oxbow_endpoint_connections_opened_total", one) == "20");
  CHECK(metrics.value("oxbow_endpoint_connections_connected_total", one) == "18");
  CHECK(metrics.value("oxbow_endpoint_connect_failures_total", one) == "2");
  CHECK(metrics.value("oxbow_endpoint_connections_acquired_total", one) == "100");
  CHECK(metrics.value("oxbow_endpoint_connections_reused_total", one) == "90");
  CHECK(metrics.value("oxbow_endpoint_peeks_total", one) == "7");
  CHECK(metrics.value("oxbow_endpoint_connections_moved_total", one) == "8");
  CHECK(metrics.value("oxbow_endpoint_max_conns", one) == "64");
  CHECK(metrics.value("oxbow_endpoint_weight", one) == "2");
  const std::string age = "oxbow_endpoint_learned_idle_age_seconds";
  CHECK(metrics.value(age, with("kind", "used")) == "4.5");
  CHECK(metrics.value(age, with("kind", "unused")) == "0.25");
  CHECK(metrics.families.at(age).size() == 2);  // nothing was learned of the other endpoint
}

TEST_CASE("every reason for a close is counted from the start, so that rates work") {
  const Exposition metrics(metricsText(busyServer()));
  const std::string closed = "oxbow_endpoint_connections_closed_total";
  const auto of = [&](const char* endpoint, const char* reason) {
    return metrics.value(closed, {{"upstream", "api"}, {"endpoint", endpoint}, {"reason", reason}});
  };
  CHECK(of("127.0.0.1:8081", "keepalive_timeout") == "6");
  CHECK(of("127.0.0.1:8081", "server_closed") == "1");
  CHECK(of("127.0.0.1:8081", "shutdown") == "0");
  CHECK(of("[::1]:8082", "keepalive_timeout") == "0");
  CHECK(metrics.families.at(closed).size() == 2 * static_cast<size_t>(pool::CloseReason::Count));
}

TEST_CASE("a listener's numbers") {
  const Exposition metrics(metricsText(busyServer()));
  const std::map<std::string, std::string> one = {{"listener", "127.0.0.1:8080"}};
  const auto with = [&one](const std::string& name, const std::string& value) {
    auto labels = one;
    labels[name] = value;
    return labels;
  };
  CHECK(metrics.value("oxbow_listener_connections_accepted_total", one) == "40");
  CHECK(metrics.value("oxbow_listener_connections_open", one) == "41");
  CHECK(metrics.value("oxbow_listener_requests_received_total", one) == "49");
  CHECK(metrics.value("oxbow_listener_underscore_names_dropped_total", one) == "42");
  CHECK(metrics.value("oxbow_listener_requests_total", with("code", "none")) == "1");
  CHECK(metrics.value("oxbow_listener_requests_total", with("code", "2xx")) == "30");
  const std::string ended = "oxbow_listener_connections_ended_total";
  CHECK(metrics.value(ended, with("reason", "finished")) == "43");
  CHECK(metrics.value(ended, with("reason", "cut")) == "0");
  CHECK(metrics.families.at(ended).size() == static_cast<size_t>(session::SessionEnd::Count));
  const std::string errors = "oxbow_listener_errors_total";
  CHECK(metrics.value(errors, with("error", "connection_refused")) == "44");
  CHECK(metrics.value(errors, with("error", "client_gone")) == "0");
  CHECK(metrics.value(errors, with("error", "-")) == "");  // no error is none
  CHECK(metrics.families.at(errors).size() == static_cast<size_t>(ErrorCode::Count) - 1);
}

TEST_CASE("the server's numbers") {
  const Exposition metrics(metricsText(busyServer()));
  CHECK(metrics.value("oxbow_access_log_dropped_total") == "51");
  CHECK(metrics.value("oxbow_log_dropped_total") == "52");
  CHECK(metrics.value("oxbow_read_ahead_bytes") == "53");
  CHECK(metrics.value("oxbow_accept_errors_total") == "54");
  CHECK(metrics.value("oxbow_uptime_seconds") == "55.5");
  CHECK(metrics.value("oxbow_config_generation") == "56");
  CHECK(metrics.value("oxbow_reloads_total", {{"result", "applied"}}) == "57");
  CHECK(metrics.value("oxbow_reloads_total", {{"result", "refused"}}) == "58");
  CHECK(metrics.value("oxbow_worker_clients", {{"worker", "0"}}) == "59");
  CHECK(metrics.value("oxbow_worker_clients", {{"worker", "1"}}) == "60");
  CHECK(metrics.value("oxbow_loop_long_turns_total", {{"loop", "main"}}) == "61");
  CHECK(metrics.value("oxbow_loop_long_turns_total", {{"loop", "worker-1"}}) == "63");
  CHECK(metrics.value("oxbow_build_info", {{"version", std::string(kVersion)}}) == "1");
}

TEST_CASE("the version is the project's") { CHECK(kVersion == OXBOW_PROJECT_VERSION); }

TEST_CASE("label values of any bytes are escaped") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[0].address = "unix:/tmp/\"a\\b";
  const std::string text = metricsText(report);
  CHECK(text.find("endpoint=\"unix:/tmp/\\\"a\\\\b\"") != std::string::npos);
  CHECK(promtool(text).exitCode == 0);
}

TEST_CASE("upstreams that nothing has happened to have their counters already") {
  const Exposition metrics(metricsText(busyServer()));
  for (const auto& item : metrics.families) {
    const std::string& family = item.first;
    if (family.rfind("oxbow_upstream_", 0) != 0 || family == "oxbow_upstream_reuse_ratio") continue;
    INFO(family);
    size_t quiet = 0;
    for (const Sample& sample : item.second) quiet += sample.labels.at("upstream") == "quiet";
    CHECK(2 * quiet == item.second.size());
  }
}
