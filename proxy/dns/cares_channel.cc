#include "proxy/dns/cares_channel.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/event/io_event.h"

namespace oxbow::dns {

namespace {

// Reads of one socket per event. Only a server that never stops sending reaches it.
constexpr int kMaxReads = 64;
// What passes every link without being cut into fragments, which can be forged (RFC 9715).
constexpr int kMaxDatagram = 1232;

bool isReadable(int fd) {
  pollfd asked{fd, POLLIN, 0};
  return poll(&asked, 1, 0) > 0;
}

// Of a question to which no packet came.
Outcome outcomeOf(int status) {
  switch (status) {
    case ARES_ETIMEOUT:
      return Outcome::Timeout;
    case ARES_EBADNAME:  // a label of more than 63 bytes
      return Outcome::NoName;
    case ARES_EBADRESP:
      return Outcome::Malformed;
    case ARES_ENOMEM:
      return Outcome::Overload;
    default:
      return Outcome::Unreachable;
  }
}

}  // namespace

struct CaresChannel::Question {
  CaresChannel& channel;
  const std::string name;
  const Type type;
  const Done done;
};

// A socket of c-ares, watched. c-ares opens and closes it.
class CaresChannel::Socket final : public event::Deferred, private event::IoHandler {
 public:
  Socket(CaresChannel& channel, int fd) : IoHandler("DNS answers"), channel_(channel), fd_(fd) {}

  // Begins anew, so that the edges of what is ready already come again.
  void watch() {
    event_.stop();
    // Should the kernel refuse, the question will time out.
    [[maybe_unused]] const bool started = event_.start(channel_.dispatcher_, fd_, *this);
  }
  void stop() { event_.stop(); }

 private:
  void onIo(uint8_t ready) override {
    if ((ready & event::kWritable) != 0) ares_process_fd(channel_.channel_, ARES_SOCKET_BAD, fd_);
    if ((ready & (event::kReadable | event::kClosed)) != 0) read();
    channel_.armTimer();
  }

  // c-ares takes one piece of a TCP answer at a time, and the edge does not come twice.
  void read() {
    for (int i = 0; i < kMaxReads && event_.started(); ++i) {
      ares_process_fd(channel_.channel_, fd_, ARES_SOCKET_BAD);
      if (!event_.started() || !isReadable(fd_)) return;
    }
    if (event_.started()) watch();
  }

  CaresChannel& channel_;
  const int fd_;
  event::IoEvent event_;
};

CaresChannel::CaresChannel(event::Dispatcher& dispatcher) : dispatcher_(dispatcher) {}

Result<std::unique_ptr<CaresChannel>> CaresChannel::open(event::Dispatcher& dispatcher,
                                                         const SocketAddress& server,
                                                         Duration timeout) {
  std::unique_ptr<CaresChannel> channel(new CaresChannel(dispatcher));
  std::string error = channel->init(server, timeout);
  if (!error.empty()) return error;
  return channel;
}

std::string CaresChannel::init(const SocketAddress& server, Duration timeout) {
  if (const int status = ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS)
    return ares_strerror(status);
  ares_options wanted{};
  char lookups[] = "b";  // DNS alone: files are read elsewhere
  // Every answer is for us to judge: c-ares would hide what a server's refusal was.
  wanted.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  wanted.ednspsz = kMaxDatagram;
  wanted.timeout = static_cast<int>(
      std::max<int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count(), 1));
  wanted.tries = 1;
  wanted.lookups = lookups;
  wanted.sock_state_cb = &CaresChannel::socketState;
  wanted.sock_state_cb_data = this;
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS;  // none
  int status = ares_init_options(&channel_, &wanted, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    ares_library_cleanup();  // the destructor sees no channel
  } else {
    status = ares_set_servers_ports_csv(channel_, server.text().c_str());
  }
  return status == ARES_SUCCESS ? "" : std::string("c-ares: ") + ares_strerror(status);
}

CaresChannel::~CaresChannel() {
  closing_ = true;
  if (channel_ != nullptr) {
    ares_destroy(channel_);
    ares_library_cleanup();
  }
  ASSERT(sockets_.empty());
}

void CaresChannel::ask(const std::string& name, Type type, Done done) {
  auto* question = new Question{*this, name, type, std::move(done)};
  ares_query(channel_, question->name.c_str(), ns_c_in, static_cast<int>(type),
             &CaresChannel::answered, question);
  armTimer();
}

void CaresChannel::answered(void* arg, int status, int, unsigned char* packet, int length) {
  const std::unique_ptr<Question> question(static_cast<Question*>(arg));
  if (question->channel.closing_) return;
  Reply reply;
  if (packet != nullptr && length > 0)
    reply = readReply({packet, static_cast<size_t>(length)}, question->name, question->type);
  else
    reply.outcome = outcomeOf(status);
  question->done(reply);
}

void CaresChannel::onTimeout() {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  armTimer();
}

void CaresChannel::armTimer() {
  timeval left;
  if (ares_timeout(channel_, nullptr, &left) == nullptr) {
    dispatcher_.cancel(timer_);
    return;
  }
  const Duration wait = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  dispatcher_.setDeadline(timer_, dispatcher_.preciseNow() + wait);
}

void CaresChannel::socketState(void* self, int fd, int readable, int writable) {
  static_cast<CaresChannel*>(self)->onSocketState(fd, readable != 0, writable != 0);
}

void CaresChannel::onSocketState(int fd, bool readable, bool writable) {
  std::unique_ptr<Socket>& socket = sockets_[fd];
  if (readable || writable) {
    if (socket == nullptr) socket = std::make_unique<Socket>(*this, fd);
    socket->watch();
    return;
  }
  // c-ares is about to close it, maybe within the socket's own event.
  if (socket != nullptr) {
    socket->stop();
    dispatcher_.deferDelete(std::move(socket));
  }
  sockets_.erase(fd);
}

}  // namespace oxbow::dns
