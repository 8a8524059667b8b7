#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/integration/support/gate.h"
#include "tests/integration/support/message.h"
#include "tests/integration/support/stream.h"

namespace oxbow::integration {

class FakeUpstream;

// One connection that the upstream accepted, as its script sees it, on a thread of its own.
class UpstreamConn {
 public:
  // Counted from 0 in the order of acceptance.
  size_t index() const { return index_; }

  // The next whole request, whenever it begins; null when the peer ends first, or breaks off.
  std::optional<Message> request();
  // Reads until `text` has come, and leaves all of it to request().
  bool awaitText(std::string_view text);
  bool send(std::string_view bytes) { return stream_.send(bytes); }
  Stream& stream() { return stream_; }
  // Reads, and records, up to the end of the connection; tells how it ended.
  Read awaitEnd();
  // Reads and drops, without a record, until the bytes end in `last`; how many there were.
  // REQUIRES: nothing kept by the functions above.
  size_t discardUntil(std::string_view last);

 private:
  friend class FakeUpstream;
  UpstreamConn(FakeUpstream& owner, size_t index, int fd, int interrupt)
      : owner_(owner), index_(index), stream_(fd, interrupt) {}
  Read readMore(milliseconds within);

  FakeUpstream& owner_;
  const size_t index_;
  Stream stream_;
  std::string bytes_;
};

// An origin that does what a script says, connection by connection, and remembers exactly what it
// received. Public functions are for the test's thread.
class FakeUpstream {
 public:
  // The connection closes (FIN) when the script returns, unless it has closed it otherwise.
  using Script = std::function<void(UpstreamConn&)>;

  // Connection i runs scripts[i], later ones the last. `buffer` bounds what the kernel takes for a
  // script that does not read; 0: the kernel's choice.
  explicit FakeUpstream(std::vector<Script> scripts, const std::string& address = "127.0.0.1:0",
                        int buffer = 0);
  explicit FakeUpstream(Script script, const std::string& address = "127.0.0.1:0", int buffer = 0)
      : FakeUpstream(std::vector<Script>{std::move(script)}, address, buffer) {}
  ~FakeUpstream() { stop(); }
  FakeUpstream(const FakeUpstream&) = delete;
  FakeUpstream& operator=(const FakeUpstream&) = delete;

  std::string address() const { return address_.text(); }

  size_t connections() const;
  size_t open() const;
  size_t mostOpen() const;
  size_t requests() const;       // whole ones, over all connections
  std::string received() const;  // every byte, connection behind connection
  std::string received(size_t connection) const;
  // The whole requests in the order in which they were complete. REQUIRES: request < requests().
  Message request(size_t request) const;
  Message lastRequest() const { return request(requests() - 1); }

  bool awaitConnections(size_t count, milliseconds within = kPatience);
  bool awaitRequests(size_t count, milliseconds within = kPatience);
  // Until `text` has come on any connection.
  bool awaitReceived(std::string_view text, milliseconds within = kPatience);
  // Until that connection is over: its script has returned, or seen the end.
  bool awaitEnd(size_t connection, milliseconds within = kPatience);
  // How the peer ended it, when awaitEnd() of the script saw that.
  Read endOf(size_t connection) const;

  // Stops listening; a connection to it is refused from then on.
  void stopListening();
  // Takes what waits to be accepted and lets the scripts end; then everything is recorded.
  // REQUIRES: oxbow has stopped, else this cuts its connections.
  void settle();
  // Cuts everything short.
  void stop();

 private:
  friend class UpstreamConn;
  struct Record {
    std::string received;
    bool ended = false;
    Read how = Read::Bytes;
  };

  void acceptLoop();
  bool acceptOne();
  void run(UpstreamConn& conn);
  template <typename Condition>
  bool awaitThat(milliseconds within, Condition condition);

  const std::vector<Script> scripts_;
  int listener_ = -1;
  int interrupt_;     // ends the accept loop
  int interruptAll_;  // ends the connections too
  SocketAddress address_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Record> records_;
  size_t open_ = 0;
  size_t mostOpen_ = 0;
  std::vector<Message> requests_;
  std::thread accepting_;
  std::vector<std::unique_ptr<UpstreamConn>> conns_;  // of the accepting thread
  std::vector<std::thread> threads_;                  // likewise
};

// Answers every request with `response`.
FakeUpstream::Script answering(std::string response);
// The same, but not before the gate opens.
FakeUpstream::Script answeringBehind(Gate& gate, std::string response = ok());

}  // namespace oxbow::integration
