#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/dns_script.h"

namespace oxbow::test {

class DnsLoop;

// A query that came, whether it was answered or not.
struct DnsQuery {
  std::string name;  // in lower case, without the last dot
  DnsType type = DnsType::A;
  uint16_t id = 0;
  uint16_t port = 0;  // that it came from
  DnsTransport transport = DnsTransport::Udp;
  bool edns = false;
  std::chrono::steady_clock::time_point time;
};

// A DNS server that answers from a script, over UDP and TCP on one port, on a thread of its own.
// Thread-safe, but for stop() and start(). The script may change at any time: it is that of the
// moment when a query comes. Names are compared without case; one that the script does not know
// gets NXDOMAIN. Throws when it cannot listen.
class DnsServer {
 public:
  // "ip:port"; port 0 is one of the kernel's choice.
  explicit DnsServer(const std::string& address = "127.0.0.1:0");
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // "127.0.0.1:port"
  const std::string& address() const { return address_; }

  // Killed: TCP connections and answers that are late on purpose are gone, and the port is closed.
  void stop();
  // On the port of before. The script and what was recorded stay.
  void start();

  // Questions for `type` of `name` get these records, as dnsData() reads them; without any, an
  // answer without records. A CNAME answers other types too, with what it leads to behind it.
  void set(const std::string& name, DnsType type, std::vector<std::string> records,
           seconds ttl = seconds(300));
  // What set(), setCode(), setRaw() and delay() told of that name.
  void remove(const std::string& name);
  // Answers without records. NXDOMAIN, and NoError for no data, have `soa`, or else that of
  // setSoa(). It goes before records, which count again once the name has clearCode().
  void setCode(const std::string& name, DnsCode code, std::optional<DnsSoa> soa = {});
  void setCode(const std::string& name, DnsType type, DnsCode code, std::optional<DnsSoa> soa = {});
  void clearCode(const std::string& name);
  // Every question gets that code; null: no more.
  void setCodeOfAll(std::optional<DnsCode> code);
  // What negative answers have; null, as at first: none.
  void setSoa(std::optional<DnsSoa> soa);
  // Any packet at all. `raw` is called on the server's thread.
  void setRaw(const std::string& name, DnsType type, DnsRaw raw);

  void delay(const std::string& name, milliseconds time);
  void delayAll(milliseconds time);
  void lose(int queries);  // the next so many get no answer
  void silence(bool on = true);
  // UDP answers have the TC bit and no records. So have always those that are larger than the
  // query takes: 512 bytes, or what its OPT record tells.
  void truncate(bool on = true);
  // Connections close as soon as they are accepted.
  void closeTcp(bool on = true);
  // FORMERR for a query with an OPT record.
  void refuseEdns(bool on = true);
  // `truthFollows`: the true answer comes right behind the false one.
  void lie(DnsLie lie, bool truthFollows = true);

  std::vector<DnsQuery> queries() const;
  size_t count() const;
  size_t count(const std::string& name) const;
  size_t count(const std::string& name, DnsType type) const;
  size_t tcpConnections() const;
  void forget();  // what was recorded
  // Until there are so many in all, of a name, or of a type.
  bool waitFor(size_t count, milliseconds within = milliseconds(5000)) const;
  bool waitFor(const std::string& name, size_t count,
               milliseconds within = milliseconds(5000)) const;
  bool waitFor(const std::string& name, DnsType type, size_t count,
               milliseconds within = milliseconds(5000)) const;

 private:
  friend class DnsLoop;

  // What answers a packet, and when; records it.
  std::vector<DnsScript::Sent> answer(const std::string& packet, DnsTransport transport,
                                      uint16_t port, milliseconds& delay);
  // Whether that connection is to be served.
  bool onConnection();
  template <typename Change>
  void change(Change change);
  template <typename Matches>
  size_t countIf(Matches matches) const;
  template <typename Condition>
  bool await(milliseconds within, Condition condition) const;

  std::string address_;
  std::unique_ptr<DnsLoop> loop_;
  std::thread thread_;

  mutable std::mutex mutex_;  // what follows
  mutable std::condition_variable changed_;
  DnsScript script_;
  std::vector<DnsQuery> queries_;
  size_t tcpConnections_ = 0;
};

}  // namespace oxbow::test
