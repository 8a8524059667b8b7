#include "proxy/log/access_format.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace oxbow;
using namespace oxbow::log;
using namespace std::chrono_literals;

namespace {

std::string formatted(AccessFormat format, const AccessRecord& record,
                      const std::vector<AccessKey>& keys = {}, bool sampled = false) {
  AccessFormatter formatter(format, keys, sampled);
  const auto out = std::make_unique<char[]>(AccessFormatter::kMaxLine);
  return std::string(out.get(), formatter.format(out.get(), record));
}

std::string json(const AccessRecord& record) { return formatted(AccessFormat::Json, record); }
std::string text(const AccessRecord& record) { return formatted(AccessFormat::Text, record); }

AccessRecord full() {
  AccessRecord record;
  record.time = WallTime(951827696s + 7ms);  // 29 February 2000
  record.total = 12345678ns;
  record.wait = 1us;
  record.connect = 2500us;
  record.firstByte = 10s;
  record.requestBytes = 10;
  record.responseBytes = 18446744073709551615u;
  record.connectionAge = 1500;
  record.connectionRequests = 17;
  record.status = 200;
  record.upstreamStatus = 204;
  record.tries = 2;
  record.reused = true;
  record.client = "192.0.2.1";
  record.method = "GET";
  record.target = "/a?b=c";
  record.host = "example.org";
  record.protocol = "HTTP/1.1";
  record.upstream = "api";
  record.endpoint = "127.0.0.1:8080";
  record.requestId = "r-1";
  record.userAgent = "curl/8";
  record.referer = "http://example.org/";
  return record;
}

AccessRecord overTls() {
  AccessRecord record = full();
  record.tls = true;
  record.tlsResumed = true;
  record.tlsVersion = "TLSv1.3";
  record.tlsCipher = "TLS_AES_128_GCM_SHA256";
  record.tlsServerName = "example.org";
  record.clientVerify = "SUCCESS";
  record.clientSubject = "CN=Ada,O=Example";
  record.clientFingerprint = "00ff";
  return record;
}

bool contains(const std::string& line, std::string_view part) {
  return line.find(part) != line.npos;
}

std::string jsonTarget(std::string_view target) {
  AccessRecord record;
  record.target = target;
  const std::string line = json(record);
  const size_t begin = line.find("\"target\":") + 9;
  return line.substr(begin, line.find(",\"protocol\"") - begin);
}

}  // namespace

TEST_CASE("a JSON line has every field") {
  CHECK(json(full()) ==
        "{\"time\":\"2000-02-29T12:34:56.007Z\",\"client\":\"192.0.2.1\",\"method\":\"GET\","
        "\"host\":\"example.org\",\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"tls\":null,"
        "\"status\":200,"
        "\"upstream\":\"api\",\"endpoint\":\"127.0.0.1:8080\",\"upstream_status\":204,"
        "\"reused\":true,\"connection_age_ms\":1500,\"connection_requests\":17,\"tries\":2,"
        "\"replayed\":false,\"wait_ms\":0.001,\"connect_ms\":2.500,\"first_byte_ms\":10000.000,"
        "\"total_ms\":12.345,\"request_bytes\":10,\"response_bytes\":18446744073709551615,"
        "\"error\":null,\"detail\":null,\"request_id\":\"r-1\",\"user_agent\":\"curl/8\","
        "\"referer\":\"http://example.org/\"}\n");
}

TEST_CASE("every key has a name, and is found by it") {
  for (const std::string_view name : kAccessKeyNames) {
    CAPTURE(name);
    const auto key = accessKeyOf(name);
    REQUIRE(key.has_value());
    CHECK(nameOf(*key) == name);
    CHECK(contains(formatted(AccessFormat::Json, overTls(), {*key}),
                   "{\"" + std::string(name) + "\":"));
    CHECK(formatted(AccessFormat::Text, overTls(), {*key}).find(std::string(name) + '=') == 0);
  }
  CHECK_FALSE(accessKeyOf("total").has_value());
}

TEST_CASE("chosen keys are written in their order, and no others") {
  const std::vector<AccessKey> keys = {AccessKey::Status, AccessKey::Time, AccessKey::TlsSni,
                                       AccessKey::Total, AccessKey::Reused};
  CHECK(formatted(AccessFormat::Json, overTls(), keys) ==
        "{\"status\":200,\"time\":\"2000-02-29T12:34:56.007Z\",\"tls_sni\":\"example.org\","
        "\"total_ms\":12.345,\"reused\":true}\n");
  CHECK(formatted(AccessFormat::Text, overTls(), keys) ==
        "status=200 time=2000-02-29T12:34:56.007Z tls_sni=\"example.org\" total_ms=12.345 "
        "reused=1\n");
  CHECK(formatted(AccessFormat::Json, AccessRecord(), {AccessKey::TlsSni, AccessKey::Reused}) ==
        "{\"tls_sni\":null,\"reused\":null}\n");
  CHECK(formatted(AccessFormat::Text, AccessRecord(), {AccessKey::TlsSni, AccessKey::Status}) ==
        "tls_sni=- status=-\n");
}

TEST_CASE("the weight says of how many requests a line tells") {
  const auto weight = [](uint32_t sample) {
    AccessRecord record;
    record.sample = sample;
    return formatted(AccessFormat::Text, record, {AccessKey::SampleWeight});
  };
  CHECK(weight(kAlways) == "sample_weight=1\n");
  CHECK(weight(100'000) == "sample_weight=10\n");
  CHECK(weight(300'000) == "sample_weight=3.333333\n");
  CHECK(weight(1) == "sample_weight=1000000\n");
  // Without chosen keys a log that takes a sample tells it, and another does not.
  CHECK(contains(formatted(AccessFormat::Json, full(), {}, true),
                 ",\"referer\":\"http://example.org/\",\"sample_weight\":1}\n"));
  CHECK(contains(formatted(AccessFormat::Text, full(), {}, true),
                 " request_id=\"r-1\" sample_weight=1 tls=-\n"));
  CHECK_FALSE(contains(json(full()), "sample_weight"));
}

TEST_CASE("combined is nginx's and Apache's") {
  const auto combined = [](const AccessRecord& record) {
    return formatted(AccessFormat::Combined, record);
  };
  CHECK(combined(overTls()) ==
        "192.0.2.1 - - [29/Feb/2000:12:34:56 +0000] \"GET /a?b=c HTTP/1.1\" 200 "
        "18446744073709551615 \"http://example.org/\" \"curl/8\"\n");
  AccessRecord none;
  none.client = "::1";
  CHECK(combined(none) == "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 000 0 \"-\" \"-\"\n");
  none.error = ErrorCode::ClientGone;
  CHECK(contains(combined(none), " \"-\" 499 0 "));
}

TEST_CASE("what is not known is null in JSON") {
  const std::string line = json(AccessRecord());
  for (const char* key : {"client",
                          "method",
                          "host",
                          "target",
                          "protocol",
                          "tls",
                          "status",
                          "upstream",
                          "endpoint",
                          "upstream_status",
                          "reused",
                          "connection_age_ms",
                          "connection_requests",
                          "wait_ms",
                          "connect_ms",
                          "first_byte_ms",
                          "error",
                          "detail",
                          "request_id",
                          "user_agent",
                          "referer"})
    CHECK_MESSAGE(contains(line, '"' + std::string(key) + "\":null"), key);
}

TEST_CASE("a connection that was open already took no time to open") {
  AccessRecord record;
  record.connect = Duration(0);
  CHECK(contains(json(record), "\"reused\":false,\"connection_age_ms\":0,"));
  CHECK(contains(json(record), "\"connect_ms\":0.000,\"first_byte_ms\":null"));
  CHECK(contains(text(record), " reused=0 connection_age_ms=0 connection_requests=0 "));
  CHECK(contains(text(record), " wait_ms=- connect_ms=0.000 first_byte_ms=- "));
}

TEST_CASE("a client's TLS is an object in JSON") {
  CHECK(contains(json(overTls()),
                 ",\"protocol\":\"HTTP/1.1\",\"tls\":{\"version\":\"TLSv1.3\","
                 "\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"server_name\":\"example.org\","
                 "\"resumed\":true,\"client_verify\":\"SUCCESS\","
                 "\"client_subject\":\"CN=Ada,O=Example\",\"client_fingerprint\":\"00ff\"},"
                 "\"status\":200,"));
  AccessRecord bare;
  bare.tls = true;
  CHECK(contains(json(bare),
                 ",\"tls\":{\"version\":null,\"cipher\":null,\"server_name\":null,"
                 "\"resumed\":false,\"client_verify\":null,\"client_subject\":null,"
                 "\"client_fingerprint\":null},\"status\":null,"));
}

TEST_CASE("a client's TLS ends the line in text") {
  CHECK(contains(text(overTls()),
                 " request_id=\"r-1\" tls=\"TLSv1.3 TLS_AES_128_GCM_SHA256\" "
                 "tls_sni=\"example.org\" tls_resumed=1 tls_client=\"SUCCESS\" "
                 "tls_subject=\"CN=Ada,O=Example\" tls_fingerprint=00ff\n"));
  AccessRecord bare;
  bare.tls = true;
  CHECK(contains(text(bare),
                 " tls=\"- -\" tls_sni=\"-\" tls_resumed=0 tls_client=\"-\" "
                 "tls_subject=\"-\" tls_fingerprint=-\n"));
}

TEST_CASE("what a client says in its handshake cannot forge a line") {
  AccessRecord record = overTls();
  record.tlsServerName = "a\"\n\xff";
  record.clientSubject = "CN=\xc3\xa9\\,\x1b";
  CHECK(contains(json(record), R"("server_name":"a\"\u000a\ufffd")"));
  CHECK(contains(json(record), "\"client_subject\":\"CN=\xc3\xa9\\\\,\\u001b\""));
  CHECK(contains(text(record), R"(tls_sni="a\x22\x0a\xff")"));
  CHECK(contains(text(record), R"(tls_subject="CN=\xc3\xa9\x5c,\x1b")"));
}

TEST_CASE("an error has its token and its detail") {
  AccessRecord record;
  record.error = ErrorCode::ConnectionRefused;
  record.detail = "the endpoint refused";
  CHECK(contains(json(record),
                 "\"error\":\"connection_refused\",\"detail\":\"the endpoint refused\""));
  CHECK(contains(text(record), " error=connection_refused detail=\"the endpoint refused\""));
}

TEST_CASE("JSON strings are escaped") {
  CHECK(jsonTarget("a\"b\\c") == R"("a\"b\\c")");
  CHECK(jsonTarget(std::string_view("\0\n\x1f\x7f", 4)) == R"("\u0000\u000a\u001f\u007f")");
  CHECK(jsonTarget("\xc3\xa9\xf0\x9f\x98\x80") == "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  CHECK(jsonTarget("\xc2\x9b") == R"("\u009b")");          // a terminal's control sequence
  CHECK(jsonTarget("\xff/\xc3") == R"("\ufffd/\ufffd")");  // no UTF-8, and cut in the middle
}

TEST_CASE("a text line begins like nginx's combined format") {
  CHECK(text(full()) ==
        "192.0.2.1 - - [29/Feb/2000:12:34:56 +0000] \"GET /a?b=c HTTP/1.1\" 200 "
        "18446744073709551615 \"http://example.org/\" \"curl/8\" host=\"example.org\" "
        "upstream=\"api\" endpoint=\"127.0.0.1:8080\" upstream_status=204 reused=1 "
        "connection_age_ms=1500 connection_requests=17 tries=2 replayed=0 wait_ms=0.001 "
        "connect_ms=2.500 first_byte_ms=10000.000 total_ms=12.345 request_bytes=10 error=- "
        "detail=\"-\" request_id=\"r-1\" tls=-\n");
}

TEST_CASE("what is not known is a dash in text") {
  CHECK(contains(
      text(AccessRecord()),
      "- - - [01/Jan/1970:00:00:00 +0000] \"- - -\" - 0 \"-\" \"-\" host=\"-\" upstream=\"-\""));
  CHECK(contains(text(AccessRecord()),
                 " reused=- connection_age_ms=- connection_requests=- tries=0 replayed=0 "
                 "wait_ms=- connect_ms=- first_byte_ms=- total_ms=0.000 "));
}

TEST_CASE("text is escaped byte by byte") {
  AccessRecord record;
  record.userAgent = "a\"b\\c\n\xc3\xa9";
  CHECK(contains(text(record), R"("a\x22b\x5cc\x0a\xc3\xa9")"));
}

TEST_CASE("the clock time is right across seconds, also with one formatter") {
  AccessFormatter formatter(AccessFormat::Json);
  const auto out = std::make_unique<char[]>(AccessFormatter::kMaxLine);
  const auto timeOf = [&](Duration sinceEpoch) {
    AccessRecord record;
    record.time = WallTime(sinceEpoch);
    return std::string(out.get(), formatter.format(out.get(), record)).substr(9, 24);
  };
  CHECK(timeOf(0s) == "1970-01-01T00:00:00.000Z");
  CHECK(timeOf(999999999ns) == "1970-01-01T00:00:00.999Z");
  CHECK(timeOf(86399s) == "1970-01-01T23:59:59.000Z");
  CHECK(timeOf(86400s) == "1970-01-02T00:00:00.000Z");
  CHECK(timeOf(1ms) == "1970-01-01T00:00:00.001Z");
}

TEST_CASE("the longest line fits, every byte escaped") {
  const std::string longest(5000, '\x01');
  AccessRecord record;
  const size_t cuts[] = {45, 64, 2048, 255, 16, 255, 128, 128, 256, 256};
  std::string_view* const fields[] = {
      &record.client,   &record.method,   &record.target,    &record.host,      &record.protocol,
      &record.upstream, &record.endpoint, &record.requestId, &record.userAgent, &record.referer};
  for (int i = 0; i < 10; ++i) *fields[i] = std::string_view(longest).substr(0, cuts[i]);
  record.tls = true;
  const size_t tlsCuts[] = {16, 64, 255, 128, 256, 64};
  std::string_view* const tlsFields[] = {&record.tlsVersion,    &record.tlsCipher,
                                         &record.tlsServerName, &record.clientVerify,
                                         &record.clientSubject, &record.clientFingerprint};
  for (int i = 0; i < 6; ++i) *tlsFields[i] = std::string_view(longest).substr(0, tlsCuts[i]);
  record.detail = longest.c_str();
  record.total = record.wait = record.connect = record.firstByte = Duration::max();
  record.requestBytes = record.responseBytes = UINT64_MAX;
  record.connectionAge = record.connectionRequests = UINT64_MAX;
  record.error = ErrorCode::HttpResponseHeaderSectionSize;
  CHECK(json(record).size() < AccessFormatter::kMaxLine);
  std::vector<AccessKey> every;
  for (const std::string_view name : kAccessKeyNames) every.push_back(*accessKeyOf(name));
  CHECK(formatted(AccessFormat::Json, record, every).size() < AccessFormatter::kMaxLine);
  CHECK(formatted(AccessFormat::Text, record, every).size() < AccessFormatter::kMaxLine);
  CHECK(formatted(AccessFormat::Combined, record).size() < AccessFormatter::kMaxLine);
  CHECK(json(record).back() == '\n');
  CHECK(text(record).size() < AccessFormatter::kMaxLine);
}
