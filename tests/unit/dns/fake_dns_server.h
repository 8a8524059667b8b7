#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/event/io_event.h"

// A DNS server on loopback that answers from a script, over UDP and TCP on one port of the kernel's
// choice. Runs on the test's own dispatcher. Names without a script get NXDOMAIN.
class FakeDnsServer {
 public:
  enum Type : uint16_t { kA = 1, kAaaa = 28 };
  enum Rcode : uint8_t { kNoError = 0, kServFail = 2, kNxDomain = 3, kRefused = 5 };

  explicit FakeDnsServer(oxbow::event::Dispatcher& dispatcher);
  ~FakeDnsServer();

  // "127.0.0.1:port"
  std::string address() const;

  // Questions for `type` of `name` get these addresses; none: an answer without records.
  void answer(const std::string& name, Type type, std::vector<std::string> addresses);
  void fail(const std::string& name, Rcode rcode) { failures_[name] = rcode; }
  // No answer to the next so many questions.
  void ignore(int questions) { ignored_ = questions; }
  void ignoreAll() { ignored_ = -1; }
  // UDP answers have the TC bit and no records: the question has to come again over TCP.
  void truncate() { truncating_ = true; }

  int questions() const { return questions_; }
  int tcpConnections() const { return tcpConnections_; }

 private:
  // Calls a member when its descriptor is readable.
  struct Watched final : oxbow::event::IoHandler {
    using Callback = void (FakeDnsServer::*)(Watched&);
    Watched(FakeDnsServer& owner, int descriptor, Callback callback);
    ~Watched();
    void onIo(uint8_t) override { (server.*readable)(*this); }

    FakeDnsServer& server;
    const int fd;
    const Callback readable;
    std::string received;
    oxbow::event::IoEvent event;
  };

  void onDatagram(Watched& socket);
  void onConnection(Watched& listener);
  void onStream(Watched& stream);
  // The answer's packet; empty when there shall be none.
  std::string reply(const std::string& question, bool truncate);

  oxbow::event::Dispatcher& dispatcher_;
  std::unique_ptr<Watched> udp_;
  std::unique_ptr<Watched> tcp_;
  std::vector<std::unique_ptr<Watched>> streams_;
  std::map<std::pair<std::string, uint16_t>, std::vector<std::string>> answers_;
  std::map<std::string, Rcode> failures_;
  int ignored_ = 0;
  bool truncating_ = false;
  int questions_ = 0;
  int tcpConnections_ = 0;
};
