#include "tests/integration/support/fake_upstream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "proxy/net/socket.h"

namespace oxbow::integration {

namespace {
// An upstream does not close idle connections by itself, however slow the test: it would be taken
// for oxbow not reusing them.
constexpr milliseconds kIdle = seconds(120);
}  // namespace

// UpstreamConn --------------------------------------------------------------------------------

Read UpstreamConn::readMore(milliseconds within) {
  std::string more;
  const Read read = stream_.receive(more, within);
  const std::lock_guard lock(owner_.mutex_);
  FakeUpstream::Record& record = owner_.records_[index_];
  record.received += more;
  if (read == Read::Fin || read == Read::Reset) record.how = read;
  owner_.changed_.notify_all();
  bytes_ += more;
  return read;
}

std::optional<Message> UpstreamConn::request() {
  for (;;) {
    size_t taken = 0;
    auto message = readMessage(bytes_, true, false, taken, Want::Whole);
    if (message) {
      bytes_.erase(0, taken);
      const std::lock_guard lock(owner_.mutex_);
      owner_.requests_.push_back(*message);
      owner_.changed_.notify_all();
      return message;
    }
    if (readMore(bytes_.empty() ? kIdle : kPatience) != Read::Bytes) return std::nullopt;
  }
}

bool UpstreamConn::awaitText(std::string_view text) {
  size_t from = 0;
  while (bytes_.find(text, from) == std::string::npos) {
    from = bytes_.size() - std::min(bytes_.size(), text.size());
    if (readMore(kPatience) != Read::Bytes) return false;
  }
  return true;
}

Read UpstreamConn::awaitEnd() {
  Read read = Read::Bytes;
  while (read == Read::Bytes) read = readMore(kPatience);
  return read;
}

size_t UpstreamConn::discardUntil(std::string_view last) {
  size_t total = 0;
  std::string tail, more;
  while (tail != last) {
    more.clear();
    if (stream_.receive(more) != Read::Bytes) break;
    total += more.size();
    tail += more;
    tail.erase(0, tail.size() - std::min(tail.size(), last.size()));
  }
  return total;
}

// FakeUpstream --------------------------------------------------------------------------------

FakeUpstream::FakeUpstream(std::vector<Script> scripts, const std::string& address, int buffer)
    : scripts_(std::move(scripts)),
      interrupt_(::eventfd(0, EFD_CLOEXEC)),
      interruptAll_(::eventfd(0, EFD_CLOEXEC)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const SocketAddress wanted = SocketAddress::parse(address).value();
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (buffer > 0) setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (::bind(listener_, wanted.get(), wanted.length()) != 0 || ::listen(listener_, 1024) != 0)
    throw std::runtime_error("cannot listen on " + address);
  address_ = net::localAddress(listener_);
  accepting_ = std::thread([this] { acceptLoop(); });
}

void FakeUpstream::acceptLoop() {
  for (;;) {
    pollfd wanted[2] = {{listener_, POLLIN, 0}, {interrupt_, POLLIN, 0}};
    ::poll(wanted, 2, -1);
    if (wanted[1].revents != 0) break;
    acceptOne();
  }
  while (acceptOne()) {
  }
  ::close(std::exchange(listener_, -1));
}

bool FakeUpstream::acceptOne() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return false;
  size_t index;
  {
    const std::lock_guard lock(mutex_);
    index = records_.size();
    records_.emplace_back();
    mostOpen_ = std::max(mostOpen_, ++open_);
    changed_.notify_all();
  }
  conns_.emplace_back(new UpstreamConn(*this, index, fd, interruptAll_));
  threads_.emplace_back([this, conn = conns_.back().get()] { run(*conn); });
  return true;
}

void FakeUpstream::run(UpstreamConn& conn) {
  scripts_[std::min(conn.index(), scripts_.size() - 1)](conn);
  {
    // Before the close: whoever sees the end of the connection may open the next one.
    const std::lock_guard lock(mutex_);
    --open_;
    records_[conn.index()].ended = true;
    changed_.notify_all();
  }
  conn.stream().close();
}

size_t FakeUpstream::connections() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

size_t FakeUpstream::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

size_t FakeUpstream::mostOpen() const {
  const std::lock_guard lock(mutex_);
  return mostOpen_;
}

size_t FakeUpstream::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_.size();
}

Message FakeUpstream::request(size_t request) const {
  const std::lock_guard lock(mutex_);
  return requests_.at(request);
}

std::string FakeUpstream::received() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const Record& record : records_) all += record.received;
  return all;
}

std::string FakeUpstream::received(size_t connection) const {
  const std::lock_guard lock(mutex_);
  return connection < records_.size() ? records_[connection].received : std::string();
}

Read FakeUpstream::endOf(size_t connection) const {
  const std::lock_guard lock(mutex_);
  return connection < records_.size() ? records_[connection].how : Read::Late;
}

template <typename Condition>
bool FakeUpstream::awaitThat(milliseconds within, Condition condition) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, condition);
}

bool FakeUpstream::awaitConnections(size_t count, milliseconds within) {
  return awaitThat(within, [&] { return records_.size() >= count; });
}

bool FakeUpstream::awaitRequests(size_t count, milliseconds within) {
  return awaitThat(within, [&] { return requests_.size() >= count; });
}

bool FakeUpstream::awaitReceived(std::string_view text, milliseconds within) {
  return awaitThat(within, [&] {
    return std::any_of(records_.begin(), records_.end(), [text](const Record& record) {
      return record.received.find(text) != std::string::npos;
    });
  });
}

bool FakeUpstream::awaitEnd(size_t connection, milliseconds within) {
  return awaitThat(within, [&] {
    return records_.size() > connection &&
           (records_[connection].ended || records_[connection].how != Read::Bytes);
  });
}

void FakeUpstream::stopListening() {
  if (!accepting_.joinable()) return;
  ::eventfd_write(interrupt_, 1);
  accepting_.join();
}

void FakeUpstream::settle() {
  stopListening();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void FakeUpstream::stop() {
  if (interrupt_ < 0) return;
  ::eventfd_write(interruptAll_, 1);
  settle();
  ::close(std::exchange(interrupt_, -1));
  ::close(interruptAll_);
}

FakeUpstream::Script answering(std::string response) {
  return [response = std::move(response)](UpstreamConn& conn) {
    while (conn.request()) conn.send(response);
  };
}

FakeUpstream::Script answeringBehind(Gate& gate, std::string response) {
  return [&gate, response = std::move(response)](UpstreamConn& conn) {
    while (conn.request()) {
      gate.await();
      conn.send(response);
    }
  };
}

}  // namespace oxbow::integration
