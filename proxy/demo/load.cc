#include "proxy/demo/load.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "proxy/net/plain_transport.h"
#include "proxy/net/socket.h"

namespace oxbow::demo {

namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr http1::HeadLimits kLimits;

}  // namespace

double LoadResult::perSecond() const {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(answered()) / seconds : 0;
}

uint32_t LoadResult::percentile(double fraction) const {
  if (micros.empty()) return 0;
  const double rank = std::ceil(fraction * static_cast<double>(micros.size()));
  const auto index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return micros[std::min(index, micros.size() - 1)];
}

// One connection after the other, one request at a time.
class Load::Client final : private event::IoHandler, private event::Timer {
 public:
  explicit Client(Load& load) : load_(load) {}
  ~Client() override { disconnect(); }

  void connect();
  // No further request: at once without one under way.
  void onTimeUp();
  // Gives up the request under way.
  void abandon();

 private:
  // Between two connections the client is in none of these but waits for its timer.
  enum class Phase : uint8_t { Waiting, Connecting, Asking, Finished };

  void onIo(uint8_t ready) override;
  void onTimer() override { connect(); }
  void ask();
  void readAnswer();
  bool consume();  // false: not all of the answer is there
  void fail();
  void connectLater(Duration wait);
  void finish();
  void disconnect();

  Load& load_;
  std::unique_ptr<net::Transport> transport_;
  Phase phase_ = Phase::Waiting;
  std::string received_;
  uint64_t bodyLeft_ = 0;
  bool headDone_ = false;
  bool keepAlive_ = true;
  TimePoint askedAt_{};
};

void Load::Client::connect() {
  const net::ConnectStart begun = net::beginConnect(load_.options_.target, {}, {});
  if (begun.fd < 0) return fail();
  transport_ = std::make_unique<net::PlainTransport>(begun.fd);
  phase_ = Phase::Connecting;
  // The poller tells of a socket that is connected already, too.
  if (!transport_->start(load_.dispatcher_, *this)) fail();
}

void Load::Client::onIo(uint8_t ready) {
  if (phase_ == Phase::Connecting && (ready & event::kWritable) != 0) {
    if (transport_->takeError() != 0) return fail();
    return ask();
  }
  if (phase_ == Phase::Asking && (ready & (event::kReadable | event::kClosed)) != 0) readAnswer();
}

void Load::Client::ask() {
  phase_ = Phase::Asking;
  received_.clear();
  headDone_ = false;
  askedAt_ = load_.dispatcher_.preciseNow();
  const net::IoResult sent = transport_->write(load_.request_);
  // A few dozen bytes fit into every socket that has taken all before them.
  if (sent.kind != net::IoResult::Kind::Ok || sent.bytes != load_.request_.size()) fail();
}

void Load::Client::readAnswer() {
  char bytes[kReadBytes];
  while (phase_ == Phase::Asking) {
    const net::IoResult result = transport_->read(bytes, sizeof bytes);
    if (result.kind == net::IoResult::Kind::WouldBlock) return;
    if (result.kind != net::IoResult::Kind::Ok) return fail();
    received_.append(bytes, result.bytes);
    if (!consume()) continue;
    load_.onAnswered(load_.dispatcher_.preciseNow() - askedAt_);
    if (load_.timeUp_) return finish();
    if (!keepAlive_) return connectLater(Duration(0));
    ask();
  }
}

// An answer that cannot be read, or is none that was hoped for, never becomes complete: fail().
bool Load::Client::consume() {
  if (!headDone_) {
    http::ResponseHead head;
    const auto parsed =
        http1::parseResponseHead(received_, http::Method::Get, kLimits, load_.fields_, head);
    if (parsed.status == http1::ParseStatus::NeedMore) return false;
    const bool good = parsed.status == http1::ParseStatus::Done && head.status == 200 &&
                      head.body == http::BodyKind::Length;
    if (!good) {
      fail();
      return false;
    }
    headDone_ = true;
    keepAlive_ = head.keepAlive;
    bodyLeft_ = head.contentLength;
    received_.erase(0, parsed.consumed);
  }
  if (received_.size() > bodyLeft_) fail();  // nobody asked for more
  bodyLeft_ -= std::min<uint64_t>(bodyLeft_, received_.size());
  received_.clear();
  return bodyLeft_ == 0 && phase_ == Phase::Asking;
}

void Load::Client::fail() {
  load_.onFailed();
  if (load_.timeUp_) return finish();
  connectLater(kRetry);
}

// The transport stays until then: this may be its own callback.
void Load::Client::connectLater(Duration wait) {
  disconnect();
  load_.dispatcher_.setDeadline(*this, load_.dispatcher_.now() + wait);
}

void Load::Client::onTimeUp() {
  if (phase_ == Phase::Waiting || phase_ == Phase::Connecting) finish();
}

void Load::Client::abandon() {
  if (phase_ != Phase::Finished) fail();
}

void Load::Client::finish() {
  disconnect();
  phase_ = Phase::Finished;
  load_.dispatcher_.cancel(*this);
  load_.onFinished();
}

void Load::Client::disconnect() {
  phase_ = Phase::Waiting;
  if (transport_ != nullptr) transport_->close(net::CloseHow::Clean);
}

// Load ------------------------------------------------------------------------------------------

Load::Load(event::Dispatcher& dispatcher, const Options& options)
    : dispatcher_(dispatcher),
      options_(options),
      request_("GET / HTTP/1.1\r\nHost: " + options.target.text() + "\r\n\r\n"),
      end_(dispatcher, [this] { onTimeUp(); }),
      grace_(dispatcher, [this] {
        for (auto& client : clients_) client->abandon();
      }) {}

Load::~Load() = default;

void Load::start(std::function<void(LoadResult)> done) {
  done_ = std::move(done);
  begun_ = dispatcher_.preciseNow();
  running_ = options_.clients;
  end_.setIn(options_.time);
  for (uint32_t i = 0; i < options_.clients; ++i)
    clients_.push_back(std::make_unique<Client>(*this));
  for (auto& client : clients_) client->connect();
}

void Load::onTimeUp() {
  timeUp_ = true;
  grace_.setIn(kGrace);
  for (auto& client : clients_) client->onTimeUp();
}

void Load::onAnswered(Duration took) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  result_.micros.push_back(static_cast<uint32_t>(micros));
}

void Load::onFinished() {
  if (--running_ > 0) return;
  grace_.cancel();
  result_.elapsed = dispatcher_.preciseNow() - begun_;
  std::sort(result_.micros.begin(), result_.micros.end());
  std::exchange(done_, nullptr)(std::move(result_));
}

}  // namespace oxbow::demo
