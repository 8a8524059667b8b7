#include "proxy/admin/admin_handler.h"
#include "proxy/base/version.h"
#include "tests/unit/admin/promtool.h"
#include "tests/unit/admin/support.h"

using namespace oxbow;
using namespace oxbow::admin;

// Base units are a matter of style, and people think of certificates in days.
constexpr std::string_view kOfDays =
    "oxbow_tls_certificate_expiry_days use base unit \"seconds\" instead of \"days\"\n";

TEST_CASE("Prometheus accepts the text without complaint, but for one") {
  const Complaint complaint = lintMetrics(metricsText(busyServer()));
  CHECK(complaint.text == kOfDays);
  const Complaint ofNothing = lintMetrics(metricsText({}));
  CHECK(ofNothing.text == "");
  CHECK(ofNothing.exitCode == 0);
}

TEST_CASE("the linter would complain") {
  CHECK(lintMetrics("# HELP oxbow_a_milliseconds A.\n# TYPE oxbow_a_milliseconds gauge\n"
                    "oxbow_a_milliseconds 1\n")
            .exitCode != 0);
  CHECK(lintMetrics("oxbow_a{b=c} 1\n").exitCode != 0);
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
  CHECK(metrics.value("oxbow_upstream_retries_total", api) == "20");
  CHECK(metrics.value("oxbow_upstream_connections_strayed_total", api) == "21");
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

TEST_CASE("an upstream's bodies by size") {
  const Exposition metrics(metricsText(busyServer()));
  const std::map<std::string, std::string> api = {{"upstream", "api"}};
  const std::string requests = "oxbow_upstream_request_body_size_bytes";
  const std::string responses = "oxbow_upstream_response_body_size_bytes";
  CHECK(metrics.value(requests + "_count", api) == "2");
  CHECK(metrics.value(requests + "_sum", api) == "1600");
  CHECK(metrics.value(responses + "_count", api) == "3");
  CHECK(metrics.value(responses + "_sum", api) == "1700");
  const auto atMost = [&](const char* bytes) {
    return metrics.value(responses + "_bucket", {{"upstream", "api"}, {"le", bytes}});
  };
  CHECK(atMost("64") == "1");
  CHECK(atMost("256") == "2");
  CHECK(atMost("1024") == "2");
  CHECK(atMost("4096") == "3");
  CHECK(atMost("+Inf") == "3");
}

TEST_CASE("buckets count what is not larger: they never fall, and the last has all") {
  const Exposition metrics(metricsText(busyServer()));
  size_t histograms = 0;
  for (const auto& [family, type] : metrics.types) {
    if (type != "histogram") continue;
    INFO(family);
    std::map<std::map<std::string, std::string>, double> last;  // by labels
    for (const Sample& sample : metrics.families.at(family)) {
      auto labels = sample.labels;
      if (sample.name == family + "_bucket") {
        labels.erase("le");
        CHECK(std::stod(sample.value) >= last[labels]);
        last[labels] = std::stod(sample.value);
      } else if (sample.name == family + "_count") {
        CHECK(std::stod(sample.value) == last.at(labels));
        ++histograms;
      }
    }
  }
  CHECK(histograms > 10);
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
  CHECK(metrics.value("oxbow_endpoint_dead_peeks_total", one) == "6");
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

TEST_CASE("an endpoint's TLS") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints.push_back(freshEndpoint());
  EndpointReport& second = report.upstreams[0].endpoints.back();
  second.address = "127.0.0.1:8083";
  second.tls = true;
  second.handshakeTime = timesOf({8192});
  const Exposition metrics(metricsText(report));
  const auto value = [&](const std::string& name, std::map<std::string, std::string> labels = {},
                         const char* endpoint = "127.0.0.1:8081") {
    labels["upstream"] = "api";
    labels["endpoint"] = endpoint;
    return metrics.value("oxbow_upstream_tls_" + name, labels);
  };
  CHECK(value("handshakes_total", {{"result", "full"}}) == "10");
  CHECK(value("handshakes_total", {{"result", "resumed"}}) == "30");
  CHECK(value("handshakes_total", {{"result", "failed"}}) == "5");
  CHECK(value("tickets_refused_total") == "4");
  CHECK(value("certificate_errors_total", {{"reason", "expired"}}) == "1");
  CHECK(value("certificate_errors_total", {{"reason", "wrong_name"}}) == "2");
  CHECK(value("certificate_errors_total", {{"reason", "revoked"}}) == "0");
  CHECK(value("certificate_errors_total", {{"reason", "none"}}) == "");  // no error is none
  // Nothing has happened to it yet, but rates work.
  CHECK(value("handshakes_total", {{"result", "failed"}}, "127.0.0.1:8083") == "0");
  CHECK(value("tickets_refused_total", {}, "127.0.0.1:8083") == "0");
  CHECK(value("certificate_errors_total", {{"reason", "other"}}, "127.0.0.1:8083") == "0");
  // The plain endpoint has none of it.
  constexpr size_t kFaults = static_cast<size_t>(net::CertificateFault::Count) - 1;
  CHECK(metrics.families.at("oxbow_upstream_tls_handshakes_total").size() == 2 * 3);
  CHECK(metrics.families.at("oxbow_upstream_tls_tickets_refused_total").size() == 2);
  CHECK(metrics.families.at("oxbow_upstream_tls_certificate_errors_total").size() == 2 * kFaults);
  // 1.024 and 4.096 ms with the first, 8.192 ms with the second.
  const std::string time = "oxbow_upstream_tls_handshake_seconds";
  CHECK(metrics.value(time + "_count", {{"upstream", "api"}}) == "3");
  CHECK(metrics.value(time + "_sum", {{"upstream", "api"}}) == "0.013312");
  CHECK(metrics.value(time + "_bucket", {{"upstream", "api"}, {"le", "0.004096"}}) == "2");
  CHECK(metrics.value(time + "_count", {{"upstream", "quiet"}}) == "");
}

TEST_CASE("a listener's TLS") {
  ServerReport report = busyServer();
  report.listeners.emplace_back().address = "127.0.0.1:8088";
  const Exposition metrics(metricsText(report));
  const std::string handshakes = "oxbow_listener_tls_handshakes_total";
  const auto of = [&](const char* result) {
    return metrics.value(handshakes, {{"listener", "127.0.0.1:8080"}, {"result", result}});
  };
  CHECK(of("full") == "21");
  CHECK(of("resumed") == "63");
  CHECK(of("failed") == "7");
  CHECK(metrics.families.at(handshakes).size() == 3);
  const std::string time = "oxbow_listener_tls_handshake_seconds";
  CHECK(metrics.value(time + "_count", {{"listener", "127.0.0.1:8080"}}) == "1");
  CHECK(metrics.value(time + "_sum", {{"listener", "127.0.0.1:8080"}}) == "0.002048");
  CHECK(metrics.value(time + "_count", {{"listener", "127.0.0.1:8088"}}) == "");
}

TEST_CASE("a server without TLS has no series of it but the reloads") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[0].tls = false;
  report.listeners[0].tls = false;
  report.certificates.clear();
  const Exposition metrics(metricsText(report));
  size_t families = 0;
  for (const auto& item : metrics.families) {
    const std::string& family = item.first;
    if (family.find("_tls_") == family.npos || family == "oxbow_tls_reloads_total") continue;
    INFO(family);
    ++families;
    CHECK(item.second.empty());
  }
  CHECK(families == 7);
}

TEST_CASE("certificates tell the days that they have left") {
  ServerReport report = busyServer();
  const std::string days = "oxbow_tls_certificate_expiry_days";
  const auto of = [&](const char* file) {
    return Exposition(metricsText(report))
        .value(days, {{"listener", "127.0.0.1:8080"}, {"file", file}});
  };
  CHECK(of("site.pem") == "1.5");
  CHECK(of("old.pem") == "-0.5");
  CHECK(of("none.pem") == "");
  // One file for two certificates of a listener, in two states of a moment: one sample, the worse.
  report.certificates.push_back(report.certificates[0]);
  report.certificates.back().secondsLeft = 86400;
  CHECK(of("site.pem") == "1");
  report.certificates[0].listener = "127.0.0.1:8089";
  CHECK(Exposition(metricsText(report)).families.at(days).size() == 3);
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
  CHECK(metrics.value("oxbow_listener_received_bytes_total", one) == "4000");
  CHECK(metrics.value("oxbow_listener_sent_bytes_total", one) == "5000");
  const std::string firstByte = "oxbow_listener_first_byte_duration_seconds";
  CHECK(metrics.value(firstByte + "_count", one) == "2");
  CHECK(metrics.value(firstByte + "_sum", one) == "0.004096");
  CHECK(metrics.value(firstByte + "_bucket", with("le", "0.001024")) == "1");
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
  CHECK(metrics.value("oxbow_tls_reloads_total", {{"result", "applied"}}) == "64");
  CHECK(metrics.value("oxbow_tls_reloads_total", {{"result", "refused"}}) == "65");
  CHECK(metrics.value("oxbow_worker_clients", {{"worker", "0"}}) == "59");
  CHECK(metrics.value("oxbow_worker_clients", {{"worker", "1"}}) == "60");
  CHECK(metrics.value("oxbow_loop_long_turns_total", {{"loop", "main"}}) == "61");
  CHECK(metrics.value("oxbow_loop_long_turns_total", {{"loop", "worker-1"}}) == "63");
  CHECK(metrics.value("oxbow_log_suppressed_total") == "66");
  CHECK(metrics.value("oxbow_build_info", {{"version", std::string(kVersion)}}) == "1");
}

TEST_CASE("loops have their turns, their lag and their messages") {
  const Exposition metrics(metricsText(busyServer()));
  const auto of = [&](const std::string& name, const char* loop) {
    return metrics.value("oxbow_loop_" + name, {{"loop", loop}});
  };
  CHECK(of("turns_total", "main") == "67");
  CHECK(of("messages_total", "main") == "68");
  CHECK(of("turn_duration_seconds_sum", "main") == "0.000032");
  CHECK(of("lag_seconds_sum", "main") == "0.000064");
  CHECK(of("turns_total", "worker-0") == "69");
  CHECK(of("messages_total", "worker-0") == "70");
  CHECK(of("turn_duration_seconds_count", "worker-0") == "1");
  CHECK(of("lag_seconds_count", "worker-0") == "0");
  CHECK(of("turns_total", "worker-1") == "0");
  CHECK(metrics.value("oxbow_loop_turn_duration_seconds_bucket",
                      {{"loop", "worker-0"}, {"le", "0.000016"}}) == "1");
}

TEST_CASE("memory is told by kind, and the process by the usual names") {
  ServerReport report = busyServer();
  const Exposition metrics(metricsText(report));
  const auto kind = [&](const char* name) {
    return metrics.value("oxbow_memory_bytes", {{"kind", name}});
  };
  CHECK(kind("buffers") == "1000");
  CHECK(kind("access_logs") == "1006");
  CHECK(metrics.families.at("oxbow_memory_bytes").size() == static_cast<size_t>(MemoryKind::Count));
  CHECK(metrics.value("process_resident_memory_bytes") == "2000");
  CHECK(metrics.value("process_open_fds") == "70");
  CHECK(metrics.value("process_max_fds") == "1024");
  CHECK(metrics.value("process_cpu_seconds_total") == "12.5");
  CHECK(metrics.value("process_start_time_seconds") == "1700000000.25");
  report.process = {};
  const Exposition unknown(metricsText(report));
  CHECK(unknown.value("process_open_fds") == "");
}

TEST_CASE("the version is the project's") { CHECK(kVersion == OXBOW_PROJECT_VERSION); }

TEST_CASE("label values of any bytes are escaped") {
  ServerReport report = busyServer();
  report.upstreams[0].endpoints[0].address = "unix:/tmp/\"a\\b";
  const std::string text = metricsText(report);
  CHECK(text.find("endpoint=\"unix:/tmp/\\\"a\\\\b\"") != std::string::npos);
  CHECK(lintMetrics(text).text == kOfDays);
}

TEST_CASE("upstreams that nothing has happened to have their counters already") {
  const Exposition metrics(metricsText(busyServer()));
  for (const auto& item : metrics.families) {
    const std::string& family = item.first;
    if (family.rfind("oxbow_upstream_", 0) != 0 || family == "oxbow_upstream_reuse_ratio") continue;
    if (family.rfind("oxbow_upstream_tls_", 0) == 0) continue;  // it speaks none
    INFO(family);
    size_t quiet = 0;
    for (const Sample& sample : item.second) quiet += sample.labels.at("upstream") == "quiet";
    CHECK(2 * quiet == item.second.size());
  }
}
