#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/config/located.h"

// The configuration as plain structs, one for each mapping of the YAML. What stands here are the
// defaults; the loader fills in what the file says, and the validator has seen all of it before
// anybody else does. Immutable once published; shared by all threads.

namespace oxbow::config {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct SocketOptions {
  Located<bool> tcpNodelay{true};                // tcp_nodelay
  Located<bool> keepalive{false};                // so_keepalive: on|off or the mapping below
  Located<Duration> keepaliveIdle{Duration{0}};  // so_keepalive.idle; 0: the system's
  Located<Duration> keepaliveInterval{Duration{0}};
  Located<uint32_t> keepaliveCount{0};
  Located<Duration> tcpUserTimeout{Duration{0}};  // tcp_user_timeout; 0: the system's
  Located<uint64_t> rcvbuf{0};                    // bytes; 0: the system's
  Located<uint64_t> sndbuf{0};
  bool operator==(const SocketOptions&) const = default;
};

enum class TlsVersion : uint8_t { Tls12, Tls13 };

// What both sides of TLS have. Empty texts and lists: ours (tls/parameters.h).
struct TlsParameters {
  Located<TlsVersion> minVersion{TlsVersion::Tls12};  // min_version
  Located<TlsVersion> maxVersion{TlsVersion::Tls13};
  Located<std::string> ciphers{std::string()};       // of TLS 1.2, as OpenSSL writes them
  Located<std::string> ciphersuites{std::string()};  // of TLS 1.3
  Located<std::string> groups{std::string()};        // "X25519:P-256"
  std::vector<Located<std::string>> alpn{std::string("http/1.1")};
  bool operator==(const TlsParameters&) const = default;
};

// `tls:` of an upstream. Paths of files are as written; relative ones count from the
// configuration's folder.
struct UpstreamTls {
  Located<bool> enabled{false};  // on, off, or a mapping
  // Empty: the server's name; "off": none is sent. In lower case, as verifyName and `names` are.
  Located<std::string> sni{std::string()};
  Located<bool> verify{true};
  Located<std::string> verifyName{std::string()};  // verify_name; empty: the sni, or the server
  Located<uint32_t> verifyDepth{4};                // CA certificates between, at most
  Located<std::string> ca{std::string("system")};  // or a file
  Located<std::string> crl{std::string()};
  Located<std::string> certificate{std::string()};
  Located<std::string> certificateKey{std::string()};  // certificate_key
  Located<std::string> passwordFile{std::string()};    // password_file
  Located<bool> sessionReuse{true};                    // session_reuse
  TlsParameters parameters;
  bool operator==(const UpstreamTls&) const = default;
};

enum class ClientVerify : uint8_t { Off, Optional, Require };

// `client_certificates:` of a listener's tls, or of one of its certificates.
struct ClientCertificates {
  Located<ClientVerify> verify{ClientVerify::Off};
  Located<std::string> ca{std::string()};  // a file; required unless off
  Located<std::string> crl{std::string()};
  Located<uint32_t> verifyDepth{4};
  bool operator==(const ClientCertificates&) const = default;
};

// One of `certificates:`. Several may have the same names, with keys of different types.
struct CertificatePair {
  Place place;
  Located<std::string> cert;
  Located<std::string> key;
  Located<std::string> passwordFile{std::string()};
  Located<std::string> ocsp{std::string()};   // a response in DER, to be stapled
  std::vector<Located<std::string>> names;    // exact, or *.suffix; empty: the certificate's own
  std::optional<ClientCertificates> clients;  // else those of the listener
  bool operator==(const CertificatePair& o) const {
    return cert == o.cert && key == o.key && passwordFile == o.passwordFile && ocsp == o.ocsp &&
           names == o.names && clients == o.clients;
  }
};

enum class UnknownSni : uint8_t { Default, Reject };

// `tls:` of a listener; without certificates there is none.
struct ListenerTls {
  std::vector<CertificatePair> certificates;  // the first is the default
  Located<UnknownSni> unknownSni{UnknownSni::Default};
  TlsParameters parameters;
  ClientCertificates clients;
  Located<Duration> handshakeTimeout{seconds(10)};      // handshake_timeout
  Located<bool> sessionTickets{true};                   // session_tickets
  std::vector<Located<std::string>> sessionTicketKeys;  // files; the first encrypts
  Located<Duration> sessionTicketRotation{hours(12)};   // of keys that are made
  Located<Duration> sessionTimeout{hours(12)};          // session_timeout, whole seconds
  Located<Duration> hstsMaxAge{Duration{0}};  // hsts: { max_age }, whole seconds; 0: no field
  Located<bool> hstsSubdomains{false};        // hsts: { include_subdomains }
  Located<bool> hstsPreload{false};           // hsts: { preload }
  bool enabled() const { return !certificates.empty(); }
  bool operator==(const ListenerTls&) const = default;
};

struct Server {
  // As written: host:port, ip:port, [v6]:port, unix:/path. Where SRV records name its hosts and
  // ports, there is no port: a host with `service`, or a name such as _http._tcp.api.internal
  // without it. config/addresses.h takes it apart.
  Located<std::string> address;
  Located<uint32_t> weight{1};                // 1..1000
  std::optional<Located<uint32_t>> maxConns;  // overrides the upstream's max_conns
  // So many failures within fail_timeout, and the server is avoided for as long; 0: never.
  Located<uint32_t> maxFails{1};               // max_fails
  Located<Duration> failTimeout{seconds(10)};  // fail_timeout
  Located<bool> backup{false};                 // used when no other can be
  Located<bool> down{false};                   // not used at all
  // "http" stands for _http._tcp; with a dot inside, or an underscore in front, it is put in front
  // of the address as it is.
  Located<std::string> service{std::string()};
  bool operator==(const Server&) const = default;
};

enum class Protocol : uint8_t { Http1 };
enum class Balance : uint8_t { RoundRobin, LeastConn };
enum class Scheduling : uint8_t { Lifo, Fifo };

struct Queue {
  Located<uint32_t> size{1024};
  Located<Duration> timeout{seconds(5)};
  bool operator==(const Queue&) const = default;
};

enum class Prefer : uint8_t { Ipv4, Ipv6 };

// `resolve:` of an upstream: how the names of its servers are followed.
struct Resolve {
  Located<Duration> ttlMin{seconds(1)};  // ttl_min, at least 1 s
  Located<Duration> ttlMax{minutes(5)};  // ttl_max
  Located<Duration> stale{hours(1)};     // how long the last good answer is used when lookups fail
  Located<uint32_t> drainAfter{2};       // drain_after: answers without an address until it drains
  Located<Prefer> prefer{Prefer::Ipv4};  // the family to begin with where a name has both
  Located<bool> denyPrivateAnswers{false};  // deny_private_answers
  bool operator==(const Resolve&) const = default;
};

struct Upstream {
  Located<std::string> name;  // [A-Za-z0-9_.-]{1,64}
  std::vector<Server> servers;
  Located<Protocol> protocol{Protocol::Http1};
  Located<Balance> balance{Balance::RoundRobin};
  Located<uint32_t> keepalive{32};
  Located<uint32_t> keepaliveMin{0};
  Located<uint64_t> keepaliveRequests{1000};
  Located<Duration> keepaliveTime{hours(1)};
  Located<Duration> keepaliveTimeout{seconds(60)};
  Located<Scheduling> scheduling{Scheduling::Lifo};
  Located<uint32_t> maxConns{0};
  Located<uint32_t> maxTotalConns{0};
  Located<uint32_t> maxConnecting{8};
  Queue queue;
  Located<Duration> connectTimeout{seconds(5)};
  Located<Duration> readTimeout{seconds(60)};
  Located<Duration> sendTimeout{seconds(60)};
  Located<uint64_t> proxyBuffers{64 << 10};  // read ahead per exchange, bytes
  Located<uint64_t> replayBuffer{64 << 10};  // largest body kept for a replay, bytes
  Located<uint32_t> nextUpstreamTries{3};    // proxy_next_upstream_tries
  Located<Duration> nextUpstreamTimeout{seconds(10)};
  Located<std::string> proxyBind{std::string()};  // local IP address, empty: the system chooses
  SocketOptions socket;
  UpstreamTls tls;
  Resolve resolve;
  bool operator==(const Upstream&) const = default;
};

// `return:` a fixed answer.
struct FixedReturn {
  Located<uint16_t> status{200};             // 200..599
  Located<std::string> body{std::string()};  // at most 64 KiB
  Located<std::string> contentType{std::string("text/plain")};
  Located<std::string> location{std::string()};  // for 3xx; a Location field
  bool operator==(const FixedReturn&) const = default;
};

struct HeaderEdit {
  Located<std::string> name;
  Located<std::string> value;  // may hold the variables of checkFieldValue(); empty: remove
  bool operator==(const HeaderEdit&) const = default;
};

enum class LogFormat : uint8_t { Json, Text, Combined };

// `access_log:` of a listener, or of a route. With `errors` or `slow` only such requests are
// logged, with both what is either.
struct AccessLog {
  Located<bool> enabled{false};                      // access_log: off, or a mapping
  Located<std::string> path{std::string("stdout")};  // what parseLogTarget() reads
  Located<LogFormat> format{LogFormat::Json};
  std::vector<Located<std::string>> keys;  // names of log/access_key.h, in this order; empty: all
  Located<uint32_t> sample{1'000'000};     // how many of a million
  Located<uint32_t> errors{0};             // the lowest status that is one; 0: not only errors
  Located<Duration> slow{Duration{0}};     // 0: not only slow ones
  bool operator==(const AccessLog&) const = default;
};

struct Route {
  Place place;
  std::vector<Located<std::string>> hosts;  // server_name: exact, or *.suffix; empty: any
  Located<std::string> location{std::string("/")};
  std::optional<Located<std::string>> proxyPass;
  std::optional<Located<std::string>> rewrite;  // replaces the matched prefix
  std::optional<FixedReturn> fixed;
  Located<bool> allowDotSegments{false};
  std::vector<HeaderEdit> setHeaders;             // proxy_set_header, towards the upstream
  std::vector<Located<std::string>> hideHeaders;  // proxy_hide_header, of responses
  std::vector<HeaderEdit> addHeaders;             // add_header, to responses
  std::optional<AccessLog> accessLog;             // else the listener's
  bool operator==(const Route& o) const {
    return hosts == o.hosts && location == o.location && proxyPass == o.proxyPass &&
           rewrite == o.rewrite && fixed == o.fixed && allowDotSegments == o.allowDotSegments &&
           setHeaders == o.setHeaders && hideHeaders == o.hideHeaders &&
           addHeaders == o.addHeaders && accessLog == o.accessLog;
  }
};

// `allow` and `deny` of a listener: networks, addresses, or "all".
struct AccessRules {
  std::vector<Located<Cidr>> allow;
  std::vector<Located<Cidr>> deny;
  bool operator==(const AccessRules&) const = default;
};

struct Listener {
  Located<std::string> listen;  // as written
  SocketAddress address;
  AccessLog accessLog;
  Located<Duration> clientHeaderTimeout{seconds(15)};
  Located<Duration> clientBodyTimeout{seconds(60)};
  Located<Duration> clientBodyDeadline{hours(1)};  // client_body_deadline: of a whole body
  Located<uint64_t> clientMinRate{500};            // client_min_rate: bytes a second; 0: any
  Located<Duration> sendTimeout{seconds(60)};
  Located<Duration> keepaliveTimeout{seconds(75)};
  Located<uint64_t> keepaliveRequests{0};  // 0: no limit
  Located<uint64_t> clientMaxBodySize{0};  // 0: no limit
  Located<uint64_t> clientBodyBufferSize{16 << 10};
  Located<uint64_t> largeClientHeaderBuffers{32 << 10};  // all fields, bytes, at most 60k
  Located<uint32_t> maxHeaders{100};                     // max_headers, 1..256
  Located<bool> underscoresInHeaders{false};
  Located<std::string> via{std::string("oxbow")};  // pseudonym; off: empty
  Located<bool> xForwardedFor{true};               // x_forwarded_for
  Located<bool> xForwardedProto{true};
  Located<bool> xForwardedHost{true};
  Located<uint32_t> limitConn{0};  // limit_conn: connections of one address; 0: any number
  AccessRules access;
  Located<uint32_t> trustedHops{0};  // proxies in front whose X-Forwarded-* count
  Located<uint32_t> backlog{1024};
  SocketOptions socket;
  ListenerTls tls;
  Located<uint32_t> httpsRedirect{0};  // https_redirect: the port to send clients to, and then
                                       // there are no routes and no tls; 0: off
  std::vector<Route> routes;
  bool operator==(const Listener&) const = default;
};

struct Admin {
  bool enabled = false;
  Located<std::string> listen;
  SocketAddress address;
  Located<bool> allowRemote{false};                // allow_remote: neither loopback nor Unix socket
  Located<std::string> tokenFile{std::string()};   // token_file; required with that
  std::vector<Located<std::string>> allowedHosts;  // allowed_hosts: that Host may name
  // Whether others than those on this machine reach it.
  bool isRemote() const { return enabled && !address.isLoopback(); }
  bool operator==(const Admin&) const = default;
};

// Paths of files are as written; relative ones count from the configuration's folder.
struct ResolverConfig {
  std::vector<Located<std::string>> addresses;  // empty: the system's
  Located<Duration> timeout{seconds(2)};        // for an answer, with every server tried
  // Where the system's servers, search domains and ndots are read, without `addresses`.
  Located<std::string> resolvConf{std::string("/etc/resolv.conf")};  // resolv_conf
  // Looked at before DNS is asked; empty: off.
  Located<std::string> hosts{std::string("/etc/hosts")};
  bool operator==(const ResolverConfig&) const = default;
};

enum class LogLevel : uint8_t { Debug, Info, Warn, Error };

constexpr uint32_t kMaxWorkers = 256;
constexpr uint32_t kMaxClients = 1'000'000;

struct Config {
  std::string file;
  Located<uint32_t> workers{0};            // 0: auto
  Located<uint32_t> workerConnections{0};  // clients in all; 0: what descriptors allow
  Located<Duration> shutdownTimeout{seconds(30)};
  Located<Duration> drainDelay{Duration{0}};   // drain_delay: still accepting, not ready any more
  Located<Duration> drainSpread{seconds(5)};   // drain_spread: in which idle clients are closed
  Located<uint64_t> memoryLimit{0};            // memory_limit, bytes; 0: none
  Located<LogLevel> logLevel{LogLevel::Info};  // log_level
  Located<bool> watch{false};                  // load the file anew when it changes
  Located<uint64_t> responseBufferBudget{256
                                         << 20};  // proxy_buffers_total: read ahead in all, bytes
  Admin admin;
  ResolverConfig resolver;
  std::vector<Upstream> upstreams;
  std::vector<Listener> listeners;
};

}  // namespace oxbow::config
