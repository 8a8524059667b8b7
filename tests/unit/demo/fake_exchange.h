#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/event/dispatcher.h"
#include "proxy/session/exchange.h"

namespace oxbow::demo {

// An exchange without a connection, whose client takes what it is told to take. It fails the test
// when a handler pushes something out of turn, or behind the end.
class FakeExchange final : public session::Exchange {
 public:
  // `lines` is a request's head without its empty line.
  explicit FakeExchange(const std::string& lines) : text_(lines + "\r\n\r\n") {
    REQUIRE(http1::parseRequestHead(text_, {}, storage_, head_).status == http1::ParseStatus::Done);
  }
  ~FakeExchange() override { leave(); }

  // The client takes `bytes` of the body.
  void take(size_t bytes) {
    taken_ += bytes;
    REQUIRE(taken_ <= body.size());
    if (ended) {
      if (taken_ == body.size()) written();
    } else if (peer_ != nullptr) {
      peer_->onResponseCredit(bytes);
    }
  }
  void takeAll() { take(body.size() - taken_); }

  // The client goes away.
  void leave() {
    if (session::ExchangePeer* peer = std::exchange(peer_, nullptr))
      peer->onReset({ErrorCode::ClientGone, Side::Client, Retry::Never, 0, ""});
  }

  session::ExchangePeer& peer() {
    REQUIRE(peer_ != nullptr);
    return *peer_;
  }
  bool over() const { return over_; }
  std::string field(std::string_view name) const { return valueOf(fields, name); }

  // Exchange
  http::RequestHead& request() override { return head_; }
  bool addRequestField(std::string_view, std::string_view) override { return false; }
  bool addRequestField(http::Name, std::string_view, std::string_view) override { return false; }
  bool addRequestLines(const http::FieldBlock&) override { return false; }
  void attach(session::ExchangePeer& peer) override { peer_ = &peer; }
  std::string_view clientIp() const override { return "127.0.0.1"; }
  std::string_view scheme() const override { return "http"; }
  std::string_view requestId() const override { return ""; }
  void setRequestId(std::string_view) override {}
  TimePoint startedAt() const override { return {}; }
  pool::Lease& pinned() override { return pinned_; }
  pool::Lease pinned_;
  void closeAfter() override {
    CHECK(status == 0);
    closes = true;
  }
  void addCredit(size_t bytes) override { requestCredit += bytes; }

  // ResponseSink
  void onInformational(http::ResponseHead& head) override { informational.push_back(head.status); }
  void onHead(http::ResponseHead& head) override {
    CHECK(status == 0);
    status = head.status;
    kind = head.body;
    length = head.contentLength;
    note(head.fields);
    note(head.added);
  }
  void onData(std::string_view bytes) override {
    CHECK(status != 0);
    CHECK_FALSE(ended);
    pieces.push_back(bytes.size());
    body += bytes;
  }
  void onTrailers(http::FieldBlock&) override { FAIL("no page has trailers"); }
  void onEnd() override {
    CHECK_FALSE(ended);
    ended = true;
  }
  void onReset(const Error&) override { FAIL("no page cuts the connection"); }
  void onBatchEnd() override {
    if (ended && body.size() == taken_) written();
  }

  uint16_t status = 0;  // 0: no head yet
  http::BodyKind kind = http::BodyKind::None;
  uint64_t length = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<uint16_t> informational;
  std::vector<size_t> pieces;
  std::string body;
  bool ended = false;
  bool closes = false;
  size_t requestCredit = 0;

 private:
  static std::string valueOf(const std::vector<std::pair<std::string, std::string>>& fields,
                             std::string_view name) {
    for (const auto& field : fields)
      if (field.first == name) return field.second;
    return "";
  }

  void note(const http::FieldBlock& block) {
    for (const http::Field* field = block.begin(); field != block.end_(); ++field)
      fields.emplace_back(block.nameAt(*field), block.valueAt(*field));
  }

  void written() {
    over_ = true;
    if (session::ExchangePeer* peer = std::exchange(peer_, nullptr)) peer->onWritten();
  }

  const std::string text_;
  http::Field storage_[http1::kMaxFields];
  http::RequestHead head_;
  session::ExchangePeer* peer_ = nullptr;
  size_t taken_ = 0;
  bool over_ = false;
};

// A dispatcher whose time the test turns.
struct TurnedByHand {
  ManualClock clock;
  event::Dispatcher dispatcher{clock};

  void turn() { dispatcher.turn(false); }
  void pass(Duration time) {
    clock.advance(time);
    turn();
  }
};

}  // namespace oxbow::demo
