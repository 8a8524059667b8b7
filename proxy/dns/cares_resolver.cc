#include "proxy/dns/cares_resolver.h"

#include <ares.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/event/io_event.h"

namespace oxbow::dns {

namespace {

// Reads of one socket per event. Only a server that never stops sending reaches it.
constexpr int kMaxReads = 64;
constexpr int kTries = 2;

bool isReadable(int fd) {
  pollfd asked{fd, POLLIN, 0};
  return poll(&asked, 1, 0) > 0;
}

std::string errorText(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "NXDOMAIN";
    case ARES_ENODATA:
      return "the name has no addresses";
    case ARES_ESERVFAIL:
      return "SERVFAIL";
    case ARES_EREFUSED:
      return "REFUSED";
    case ARES_ETIMEOUT:
      return "timeout";
    case ARES_ECONNREFUSED:
      return "no DNS server gave an answer";  // unreachable, or SERVFAIL
    default:
      return ares_strerror(status);
  }
}

Answer failed(std::string error) {
  Answer answer;
  answer.error = std::move(error);
  return answer;
}

Answer answerOf(const ares_addrinfo& result, uint16_t port) {
  Answer answer;
  for (const int family : {AF_INET, AF_INET6})
    for (const ares_addrinfo_node* node = result.nodes; node != nullptr; node = node->ai_next) {
      if (node->ai_family != family || answer.addresses.size() == CaresResolver::kMaxAddresses)
        continue;
      SocketAddress address(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
      address.setPort(port);
      auto& all = answer.addresses;
      if (std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
    }
  answer.ok = !answer.addresses.empty();
  if (!answer.ok) answer.error = errorText(ARES_ENODATA);
  return answer;
}

}  // namespace

// One name that somebody wants to know, and how long that may take.
class CaresResolver::Query final : public event::Timer,
                                   public event::Deferred,
                                   public ListHook<QueryTag> {
 public:
  Query(CaresResolver& resolver, std::string host, uint16_t port, Done done)
      : resolver_(resolver), host_(std::move(host)), port_(port), done_(std::move(done)) {}

  CaresResolver& resolver() { return resolver_; }
  const char* host() const { return host_.c_str(); }
  uint16_t port() const { return port_; }
  bool asked() const { return asked_; }
  void setAsked() { asked_ = true; }
  bool expired() const { return done_ == nullptr; }
  Done takeDone() { return std::exchange(done_, nullptr); }

 private:
  void onTimer() override { resolver_.onExpired(*this); }

  CaresResolver& resolver_;
  const std::string host_;
  const uint16_t port_;
  Done done_;  // null when the answer has been given: expired
  bool asked_ = false;
};

// A socket of c-ares, watched. c-ares opens and closes it.
class CaresResolver::Socket final : public event::Deferred, private event::IoHandler {
 public:
  Socket(CaresResolver& resolver, int fd)
      : IoHandler("DNS answers"), resolver_(resolver), fd_(fd) {}

  // Begins anew, so that the edges of what is ready already come again.
  void watch() {
    event_.stop();
    // Should the kernel refuse, the query will time out.
    [[maybe_unused]] const bool started = event_.start(resolver_.dispatcher_, fd_, *this);
  }
  void stop() { event_.stop(); }

 private:
  void onIo(uint8_t ready) override {
    if ((ready & event::kWritable) != 0) ares_process_fd(resolver_.channel_, ARES_SOCKET_BAD, fd_);
    if ((ready & (event::kReadable | event::kClosed)) != 0) read();
    resolver_.armRetryTimer();
  }

  // c-ares takes one piece of a TCP answer at a time, and the edge does not come twice.
  void read() {
    for (int i = 0; i < kMaxReads && event_.started(); ++i) {
      ares_process_fd(resolver_.channel_, fd_, ARES_SOCKET_BAD);
      if (!event_.started() || !isReadable(fd_)) return;
    }
    if (event_.started()) watch();
  }

  CaresResolver& resolver_;
  const int fd_;
  event::IoEvent event_;
};

Result<std::unique_ptr<CaresResolver>> CaresResolver::create(event::Dispatcher& dispatcher,
                                                             const Options& options) {
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(dispatcher, options));
  std::string error = resolver->open(options);
  if (!error.empty()) return error;
  return resolver;
}

CaresResolver::CaresResolver(event::Dispatcher& dispatcher, const Options& options)
    : dispatcher_(dispatcher),
      timeout_(options.timeout),
      maxInFlight_(options.maxInFlight),
      maxQueued_(options.maxQueued) {}

std::string CaresResolver::open(const Options& options) {
  std::string servers;
  for (const std::string& text : options.servers) {
    const Result<SocketAddress> server = SocketAddress::parse(text);
    if (!server) return server.error();
    if (server.value().port() == 0) return '"' + text + "\" is no DNS server: it has no port";
    servers += (servers.empty() ? "" : ",") + server.value().text();
  }
  if (const int status = ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS)
    return ares_strerror(status);
  ares_options wanted{};
  char lookups[] = "fb";  // the file, then DNS ("bind")
  // A second try waits twice as long as the first: with one server both fit.
  wanted.timeout = static_cast<int>(std::max<int64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count() / 3, 1));
  wanted.tries = kTries;
  wanted.lookups = lookups;
  wanted.sock_state_cb = &CaresResolver::socketState;
  wanted.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (!servers.empty()) mask |= ARES_OPT_DOMAINS;  // none
  int status = ares_init_options(&channel_, &wanted, mask);
  if (status != ARES_SUCCESS) ares_library_cleanup();  // the destructor sees no channel
  if (status == ARES_SUCCESS && !servers.empty())
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
  return status == ARES_SUCCESS ? "" : std::string("c-ares: ") + ares_strerror(status);
}

CaresResolver::~CaresResolver() {
  *alive_ = false;
  closing_ = true;
  if (channel_ != nullptr) {
    ares_destroy(channel_);
    ares_library_cleanup();
  }
  while (Query* query = waiting_.popFront()) delete query;
  ASSERT(asked_.empty() && sockets_.empty());
}

void CaresResolver::resolve(const std::string& host, uint16_t port, Done done) {
  if (const Result<SocketAddress> literal = SocketAddress::parseIp(host, port)) {
    Answer known;
    known.ok = true;
    known.addresses.push_back(literal.value());
    answer(std::move(done), std::move(known));
    return;
  }
  if (asked_.size() >= maxInFlight_ && waiting_.size() >= maxQueued_) {
    answer(std::move(done), failed("too many names are being resolved"));
    return;
  }
  auto* query = new Query(*this, host, port, std::move(done));
  dispatcher_.setDeadline(*query, dispatcher_.preciseNow() + timeout_);
  waiting_.pushBack(*query);
  askWaiting();
}

void CaresResolver::ask(Query& query) {
  waiting_.remove(query);
  asked_.pushBack(query);
  query.setAsked();
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;  // sorting would open sockets to find out about routes
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // May answer, and delete the query, before it returns.
  ares_getaddrinfo(channel_, query.host(), nullptr, &hints, &CaresResolver::answered, &query);
}

void CaresResolver::askWaiting() {
  while (asked_.size() < maxInFlight_ && !waiting_.empty()) ask(*waiting_.front());
  armRetryTimer();
}

void CaresResolver::answered(void* arg, int status, int, ares_addrinfo* result) {
  auto& query = *static_cast<Query*>(arg);
  CaresResolver& self = query.resolver();
  self.asked_.remove(query);
  if (!self.closing_ && !query.expired()) {
    const bool good = status == ARES_SUCCESS && result != nullptr;
    self.answer(query.takeDone(),
                good ? answerOf(*result, query.port()) : failed(errorText(status)));
  }
  if (result != nullptr) ares_freeaddrinfo(result);
  delete &query;
  // Others may be asked now; not here, inside c-ares.
  if (!self.closing_ && !self.waiting_.empty()) self.dispatcher_.soon(self.delivering_);
}

void CaresResolver::onExpired(Query& query) {
  answer(query.takeDone(), failed("timeout"));
  // c-ares holds on to what it was asked, until its own retries are over.
  if (query.asked()) return;
  waiting_.remove(query);
  dispatcher_.deferDelete(std::unique_ptr<event::Deferred>(&query));
}

void CaresResolver::answer(Done done, Answer answer) {
  deliveries_.push_back({std::move(done), std::move(answer)});
  dispatcher_.soon(delivering_);
}

void CaresResolver::deliver() {
  askWaiting();
  std::vector<Delivery> ready = std::exchange(deliveries_, {});
  const std::shared_ptr<bool> alive = alive_;
  for (Delivery& delivery : ready) {
    delivery.done(std::move(delivery.answer));
    if (!*alive) return;  // the callback has destroyed the resolver
  }
}

void CaresResolver::onRetryTimer() {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  armRetryTimer();
}

void CaresResolver::armRetryTimer() {
  timeval left;
  if (ares_timeout(channel_, nullptr, &left) == nullptr) {
    dispatcher_.cancel(retrying_);
    return;
  }
  const Duration wait = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  dispatcher_.setDeadline(retrying_, dispatcher_.preciseNow() + wait);
}

void CaresResolver::socketState(void* self, int fd, int readable, int writable) {
  static_cast<CaresResolver*>(self)->onSocketState(fd, readable != 0, writable != 0);
}

void CaresResolver::onSocketState(int fd, bool readable, bool writable) {
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
