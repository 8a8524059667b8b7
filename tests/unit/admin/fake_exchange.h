#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/admin_handler.h"
#include "proxy/codec/http1/parser.h"
#include "tests/unit/admin/fake_view.h"

namespace oxbow::admin {

// An exchange without a connection. Checks that nothing touches it once it has ended.
class FakeExchange final : public session::Exchange {
 public:
  FakeExchange(std::string text, std::string clientIp)
      : text_(std::move(text)), clientIp_(std::move(clientIp)) {
    const auto result = http1::parseRequestHead(text_, {}, fields_, head_);
    REQUIRE(result.status == http1::ParseStatus::Done);
  }

  // A session that closes ends its exchange.
  ~FakeExchange() override {
    if (peer != nullptr) clientLeaves();
  }

  // The client takes what is left of the response.
  void takeAll() {
    REQUIRE(responseDone_);
    end();
  }

  // The client takes what there is of it.
  void takeSoFar() {
    const size_t size = body.size() - std::exchange(taken_, body.size());
    if (peer != nullptr && !responseDone_ && size > 0) peer->onResponseCredit(size);
  }

  // REQUIRES: a peer is attached.
  void clientLeaves() {
    ended = true;
    std::exchange(peer, nullptr)->onReset({ErrorCode::ClientGone});
  }

  http::RequestHead& request() override { return checked(head_); }
  bool addRequestField(std::string_view, std::string_view) override { return false; }
  bool addRequestField(http::Name, std::string_view, std::string_view) override { return false; }
  bool addRequestLines(const http::FieldBlock&) override { return false; }
  void attach(session::ExchangePeer& to) override { peer = &checked(to); }
  std::string_view clientIp() const override { return clientIp_; }
  std::string_view scheme() const override { return "http"; }
  std::string_view requestId() const override { return ""; }
  void setRequestId(std::string_view) override {}
  TimePoint startedAt() const override { return {}; }
  pool::Lease& pinned() override { return pinned_; }
  pool::Lease pinned_;

  void onInformational(http::ResponseHead&) override { FAIL("no page has one"); }
  void onHead(http::ResponseHead& head) override {
    CHECK(status == 0);
    status = checked(head).status;
    for (const http::FieldBlock* block : {&head.fields, &head.added})
      for (const http::Field* field = block->begin(); field != block->end_(); ++field)
        sent[std::string(block->nameAt(*field))] = std::string(block->valueAt(*field));
  }
  void onData(std::string_view bytes) override { body += checked(bytes); }
  void onTrailers(http::FieldBlock&) override { FAIL("no page has them"); }
  void onEnd() override { responseDone_ = !checked(responseDone_); }
  void onReset(const Error&) override { FAIL("pages have their own errors"); }
  void onBatchEnd() override {
    if (!slow) takeSoFar();
    if (checked(responseDone_) && !slow) end();
  }
  void addCredit(size_t bytes) override { credit += checked(bytes); }

  bool slow = false;  // the client reads nothing until takeAll()
  bool ended = false;
  session::ExchangePeer* peer = nullptr;
  uint16_t status = 0;  // 0: no answer yet
  std::map<std::string, std::string> sent;
  std::string body;
  size_t credit = 0;

 private:
  template <typename T>
  T& checked(T& value) const {
    REQUIRE_FALSE(ended);
    return value;
  }

  void end() {
    ended = true;
    if (peer != nullptr) std::exchange(peer, nullptr)->onWritten();
  }

  const std::string text_;
  const std::string clientIp_;
  http::Field fields_[http1::kMaxFields];
  http::RequestHead head_;
  bool responseDone_ = false;
  size_t taken_ = 0;  // of the body
};

// The pages of a FakeView.
struct PagesFixture {
  FakeView view;
  std::unique_ptr<AdminHandler> handler = std::make_unique<AdminHandler>(view);
  std::vector<std::unique_ptr<FakeExchange>> exchanges;

  FakeExchange& send(const std::string& head, const std::string& clientIp = "127.0.0.1",
                     bool slow = false) {
    exchanges.push_back(std::make_unique<FakeExchange>(head + "\r\n\r\n", clientIp));
    FakeExchange& exchange = *exchanges.back();
    exchange.slow = slow;
    handler->onRequest(exchange);
    return exchange;
  }

  FakeExchange& get(const std::string& target, const std::string& host = "localhost:9901") {
    return send("GET " + target + " HTTP/1.1\r\nHost: " + host);
  }
};

}  // namespace oxbow::admin
