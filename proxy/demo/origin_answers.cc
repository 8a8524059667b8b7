#include "proxy/demo/origin_answers.h"

#include <algorithm>
#include <array>
#include <memory>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/session/answer.h"

namespace oxbow::demo {

namespace {

// A prime number of them: no power of two is a multiple of it.
constexpr std::string_view kLetters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";
static_assert(kLetters.size() == 61);

using Letters = std::array<char, MadeUpBody::kMaxPiece + kLetters.size()>;

const Letters& letters() {
  static const Letters made = [] {
    Letters all;
    for (size_t i = 0; i < all.size(); ++i) all[i] = kLetters[i % kLetters.size()];
    return all;
  }();
  return made;
}

bool wantsNoBody(const http::RequestHead& head) { return head.method == http::Method::Head; }

}  // namespace

void sendHead(session::Exchange& exchange, http::BodyKind body, uint64_t length,
              const http::FieldBlock& added) {
  char bytes[128];
  constexpr size_t kFields = 2;
  http::Field fields[kFields];
  http::FieldWriter writer(bytes, sizeof bytes, fields, kFields);
  http::ResponseHead head;
  head.status = 200;
  head.body = body;
  bool fits = writer.add("Content-Type", "text/plain");
  if (body == http::BodyKind::Length) {
    char digits[kMaxDecimal];
    const char* end = writeDecimal(digits, length);
    fits &= writer.add("Content-Length", {digits, static_cast<size_t>(end - digits)});
    head.contentLength = length;
    head.hasContentLength = true;
  }
  ASSERT(fits);
  head.fields = writer.block();
  head.added = added;
  exchange.onHead(head);
}

std::string textOf(const http::RequestHead& head) {
  std::string text(head.methodText);
  text.append(" ").append(head.target);
  text.append(head.version == http::Version::Http10 ? " HTTP/1.0\n" : " HTTP/1.1\n");
  for (const http::Field* field = head.fields.begin(); field != head.fields.end_(); ++field) {
    if (field->dropped()) continue;
    text.append(head.fields.nameAt(*field)).append(": ");
    text.append(head.fields.valueAt(*field)).append("\n");
  }
  return text += "\n";
}

void LongAnswer::leave() {
  stop();
  dispatcher_.deferDelete(std::unique_ptr<event::Deferred>(this));
}

// MadeUpBody ------------------------------------------------------------------------------------

std::string_view MadeUpBody::piece(uint64_t offset, size_t size) {
  ASSERT(size <= kMaxPiece);
  return {letters().data() + offset % kLetters.size(), size};
}

void MadeUpBody::start(event::Dispatcher& dispatcher, session::Exchange& exchange, const Plan& plan,
                       const http::FieldBlock& added) {
  const bool headOnly = wantsNoBody(exchange.request());
  const auto kind = plan.chunked ? http::BodyKind::Chunked : http::BodyKind::Length;
  sendHead(exchange, kind, plan.bytes, added);
  if (headOnly) {
    exchange.onEnd();
    return exchange.onBatchEnd();
  }
  auto* body = new MadeUpBody(dispatcher, exchange, plan);
  exchange.attach(*body);
  body->push();
}

void MadeUpBody::push() {
  int64_t turn = kWindow;
  while (sent_ < plan_.bytes && std::min(turn, window_) > 0) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(plan_.piece, plan_.bytes - sent_));
    const std::string_view bytes = piece(sent_, size);
    sent_ += size;
    turn -= static_cast<int64_t>(size);
    window_ -= static_cast<int64_t>(size);
    exchange_.onData(bytes);
  }
  if (sent_ == plan_.bytes) exchange_.onEnd();
  exchange_.onBatchEnd();
}

// What was pushed is credited sooner or later, and each credit pushes: the body goes on until its
// end. Never in here, which may be inside push().
void MadeUpBody::onResponseCredit(size_t bytes) {
  window_ += static_cast<int64_t>(bytes);
  if (sent_ < plan_.bytes) dispatcher_.soon(*this);
}

// LateAnswer ------------------------------------------------------------------------------------

void LateAnswer::start(event::Dispatcher& dispatcher, session::Exchange& exchange, Duration delay,
                       const http::FieldBlock& added) {
  auto* answer = new LateAnswer(dispatcher, exchange, added);
  exchange.attach(*answer);
  dispatcher.setDeadline(*answer, dispatcher.now() + delay);
}

void LateAnswer::onTimer() {
  session::Answer answer;
  answer.body = "late\n";
  answer.added = added_;
  session::sendAnswer(exchange_, answer);
}

// Echo ------------------------------------------------------------------------------------------

void Echo::start(event::Dispatcher& dispatcher, session::Exchange& exchange,
                 const http::FieldBlock& added) {
  auto* echo = new Echo(dispatcher, exchange);
  exchange.attach(*echo);
  const http::RequestHead& request = exchange.request();
  if (request.expectContinue) {
    http::ResponseHead proceed;
    proceed.status = 100;
    exchange.onInformational(proceed);
  }
  const std::string text = textOf(request);
  echo->headOwed_ = text.size();
  sendHead(exchange, http::BodyKind::Chunked, 0, added);
  exchange.onData(text);
  exchange.onBatchEnd();
}

void Echo::onData(std::string_view bytes) {
  if (wantsNoBody(exchange_.request())) return exchange_.addCredit(bytes.size());
  exchange_.onData(bytes);
  exchange_.onBatchEnd();  // the bytes are not ours to keep
}

void Echo::onEnd() {
  exchange_.onEnd();
  exchange_.onBatchEnd();
}

// The client may send as much as it has taken.
void Echo::onResponseCredit(size_t bytes) {
  const size_t ofHead = std::min(bytes, headOwed_);
  headOwed_ -= ofHead;
  if (bytes > ofHead) exchange_.addCredit(bytes - ofHead);
}

}  // namespace oxbow::demo
