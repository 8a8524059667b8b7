#include "proxy/top/fetch.h"

#include <cstring>
#include <utility>

#include "proxy/net/plain_transport.h"
#include "proxy/net/socket.h"

namespace oxbow::top {

namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr http1::HeadLimits kLimits;

}  // namespace

Fetch::Fetch(event::Dispatcher& dispatcher, const SocketAddress& to, std::string request,
             std::function<void(Answer)> done)
    : IoHandler("an answer of the admin address"),
      dispatcher_(dispatcher),
      request_(std::move(request)),
      done_(std::move(done)),
      deadline_(dispatcher, [this] { fail("no answer in time"); }),
      finished_(dispatcher, [this] { done_(std::move(answer_)); }) {
  deadline_.setIn(kPatience);
  const net::ConnectStart begun = net::beginConnect(to, {}, {});
  if (begun.fd < 0) {
    answer_.refused = true;
    fail(std::strerror(begun.error));
    return;
  }
  transport_ = std::make_unique<net::PlainTransport>(begun.fd);
  if (!transport_->start(dispatcher_, *this)) fail("the kernel refuses to watch the socket");
}

Fetch::~Fetch() {
  if (transport_ != nullptr) transport_->close(net::CloseHow::Clean);
}

void Fetch::onIo(uint8_t ready) {
  if (over_) return;
  if (!connected_) {
    if (const int error = transport_->takeError(); error != 0) {
      answer_.refused = true;
      return fail(std::strerror(error));
    }
    if ((ready & event::kWritable) == 0) return;
    connected_ = true;
  }
  if (sent_ < request_.size()) send();
  if ((ready & (event::kReadable | event::kClosed)) != 0) receive();
}

void Fetch::send() {
  const net::IoResult result = transport_->write(std::string_view(request_).substr(sent_));
  if (result.kind == net::IoResult::Kind::Ok) sent_ += result.bytes;
  // A server that has closed may have answered before it did.
}

void Fetch::receive() {
  char bytes[kReadBytes];
  while (!over_) {
    const net::IoResult result = transport_->read(bytes, sizeof bytes);
    if (result.kind == net::IoResult::Kind::WouldBlock) return;
    if (result.kind == net::IoResult::Kind::Error) return fail(std::strerror(result.error));
    if (result.kind != net::IoResult::Kind::Ok) return ended();
    received_.append(bytes, result.bytes);
    consume();
  }
}

void Fetch::consume() {
  if (received_.size() + answer_.body.size() > kMostBytes) return fail("the answer is too large");
  if (!headDone_ && !takeHead()) return;
  consumeBody();
}

// False: not all of it is there, or it is none.
bool Fetch::takeHead() {
  http::Field fields[http1::kMaxFields];
  for (;;) {
    http::ResponseHead head;
    const auto parsed =
        http1::parseResponseHead(received_, http::Method::Get, kLimits, fields, head);
    if (parsed.status == http1::ParseStatus::NeedMore) return false;
    if (parsed.status == http1::ParseStatus::Error) {
      fail("the answer is no HTTP");
      return false;
    }
    answer_.status = head.status;
    bodyKind_ = head.body;
    bodyLeft_ = head.contentLength;
    received_.erase(0, parsed.consumed);
    if (head.status >= 200) break;
  }
  headDone_ = true;
  return true;
}

void Fetch::consumeBody() {
  if (bodyKind_ == http::BodyKind::None) return finish();
  if (bodyKind_ == http::BodyKind::UntilClose) {
    answer_.body += std::exchange(received_, {});
    return;
  }
  if (bodyKind_ == http::BodyKind::Length) {
    const size_t part = std::min<uint64_t>(received_.size(), bodyLeft_);
    answer_.body.append(received_, 0, part);
    received_.clear();
    bodyLeft_ -= part;
    if (bodyLeft_ == 0) finish();
    return;
  }
  for (size_t at = 0;;) {
    const auto output = chunks_.decode(std::string_view(received_).substr(at));
    at += output.consumed;
    answer_.body += output.data;
    if (output.step == http1::ChunkedDecoder::Step::Data) continue;
    received_.erase(0, at);
    if (output.step == http1::ChunkedDecoder::Step::Error) return fail(output.detail);
    if (output.step == http1::ChunkedDecoder::Step::Trailers) finish();
    return;
  }
}

void Fetch::ended() {
  if (headDone_ && bodyKind_ == http::BodyKind::UntilClose) return finish();
  fail("the connection ended before the answer did");
}

void Fetch::fail(std::string why) {
  if (over_) return;
  answer_.error = std::move(why);
  finish();
}

// Whoever waits may destroy this, so not inside its own callback.
void Fetch::finish() {
  if (over_) return;
  over_ = true;
  deadline_.cancel();
  finished_.setIn(Duration(0));
}

}  // namespace oxbow::top
