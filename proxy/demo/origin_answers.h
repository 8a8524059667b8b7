#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/event/dispatcher.h"
#include "proxy/session/exchange.h"

// What the embedded origin answers with over more than one turn of the loop.

namespace oxbow::demo {

// Pushes the head of a response. `length` counts with BodyKind::Length only.
void sendHead(session::Exchange& exchange, http::BodyKind body, uint64_t length,
              const http::FieldBlock& added);

// The request line and the fields, a line each, and an empty line. Fields that belong to one hop
// are left out.
std::string textOf(const http::RequestHead& head);

// Attached to an exchange that goes on; belongs to itself, and goes at the end of the turn in which
// the exchange ends. One dispatcher's thread.
class LongAnswer : public session::ExchangePeer, public event::Deferred {
 protected:
  LongAnswer(event::Dispatcher& dispatcher, session::Exchange& exchange)
      : dispatcher_(dispatcher), exchange_(exchange) {}

  // Nothing calls this object any more.
  virtual void stop() = 0;

  // ExchangePeer. To most answers the request's body is of no interest.
  void onData(std::string_view bytes) override { exchange_.addCredit(bytes.size()); }
  void onTrailers(http::FieldBlock&) override {}
  void onEnd() override {}
  void onBatchEnd() override {}
  void onResponseCredit(size_t) override {}
  void onOver(uint16_t, Duration, uint64_t, uint64_t) override {}
  void describe(log::AccessRecord&) override {}
  void onWritten() final { leave(); }
  void onReset(const Error&) final { leave(); }

  event::Dispatcher& dispatcher_;
  session::Exchange& exchange_;

 private:
  void leave();
};

// A body of any size, made up as the client takes it: 61 letters and digits over and over, so that
// a piece at the wrong offset shows.
class MadeUpBody final : public LongAnswer, private event::Task {
 public:
  struct Plan {
    uint64_t bytes = 0;
    size_t piece = 0;  // pushed at once: a chunk, when the body is chunked; at most kMaxPiece
    bool chunked = false;
  };
  static constexpr size_t kMaxPiece = 64 << 10;
  // Bytes that may be on their way to the client, and that one turn makes up.
  static constexpr int64_t kWindow = 128 << 10;

  // REQUIRES: inside ExchangeHandler::onRequest.
  static void start(event::Dispatcher& dispatcher, session::Exchange& exchange, const Plan& plan,
                    const http::FieldBlock& added);

  // `size` bytes of the body from `offset` on. `size` is at most kMaxPiece.
  static std::string_view piece(uint64_t offset, size_t size);

 private:
  MadeUpBody(event::Dispatcher& dispatcher, session::Exchange& exchange, const Plan& plan)
      : LongAnswer(dispatcher, exchange), plan_(plan) {}

  void push();
  void runTask() override { push(); }
  void onResponseCredit(size_t bytes) override;
  void stop() override { Task::cancel(); }

  const Plan plan_;
  uint64_t sent_ = 0;
  int64_t window_ = kWindow;
};

// A line of text after a while.
class LateAnswer final : public LongAnswer, private event::Timer {
 public:
  // REQUIRES: inside ExchangeHandler::onRequest.
  static void start(event::Dispatcher& dispatcher, session::Exchange& exchange, Duration delay,
                    const http::FieldBlock& added);

 private:
  LateAnswer(event::Dispatcher& dispatcher, session::Exchange& exchange,
             const http::FieldBlock& added)
      : LongAnswer(dispatcher, exchange), added_(added) {}

  void onTimer() override;
  void stop() override { dispatcher_.remove(*this); }

  const http::FieldBlock added_;
};

// The request sent back: its head as text, then its body as it comes in.
class Echo final : public LongAnswer {
 public:
  // REQUIRES: inside ExchangeHandler::onRequest, of a request with a body.
  static void start(event::Dispatcher& dispatcher, session::Exchange& exchange,
                    const http::FieldBlock& added);

 private:
  using LongAnswer::LongAnswer;

  void onData(std::string_view bytes) override;
  void onEnd() override;
  void onResponseCredit(size_t bytes) override;
  void stop() override {}

  size_t headOwed_ = 0;  // bytes of the head's text that are still to be credited
};

}  // namespace oxbow::demo
