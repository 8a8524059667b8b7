#include "proxy/demo/origin_handler.h"

#include <string>

#include "proxy/base/assert.h"
#include "proxy/base/bytes.h"
#include "proxy/codec/http1/serializer.h"
#include "proxy/demo/origin_answers.h"
#include "proxy/session/answer.h"

namespace oxbow::demo {

namespace {

constexpr std::string_view kPages =
    "there are /, /bytes/N, /chunked/N, /delay/MS, /status/CODE, /close, /echo and /headers\n";

bool startsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
bool mayHaveContent(uint64_t status) { return status != 204 && status != 205 && status != 304; }

bool isRedirect(uint64_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

const OriginHandler::NumberPage OriginHandler::kNumberPages[] = {
    {"/bytes/", 0, kMaxBytes, &OriginHandler::answerBytes},
    {"/chunked/", 0, kMaxBytes, &OriginHandler::answerChunked},
    {"/delay/", 0, kMaxDelay, &OriginHandler::answerDelay},
    {"/status/", 200, 599, &OriginHandler::answerStatus},
};

OriginHandler::OriginHandler(event::Dispatcher& dispatcher, std::optional<uint64_t> keepAliveHint)
    : dispatcher_(dispatcher) {
  if (!keepAliveHint) return;
  const bool fits = hint_.add("Keep-Alive", "timeout=" + std::to_string(*keepAliveHint));
  ASSERT(fits);
}

void OriginHandler::onRequest(session::Exchange& exchange) {
  const std::string_view path = exchange.request().path;
  if (path == "/") return answerText(exchange, 200, "This is oxbow's embedded origin.\n");
  if (path == "/echo" || startsWith(path, "/echo/")) return answerEcho(exchange);
  if (path == "/headers") return answerText(exchange, 200, textOf(exchange.request()));
  if (path == "/close") {
    exchange.closeAfter();
    return answerText(exchange, 200, "This connection closes.\n");
  }
  for (const NumberPage& page : kNumberPages)
    if (startsWith(path, page.prefix)) return answerNumber(exchange, page);
  answerText(exchange, 404, kPages);
}

void OriginHandler::answerNumber(session::Exchange& exchange, const NumberPage& page) {
  const auto number = parseDecimal(exchange.request().path.substr(page.prefix.size()));
  if (number && *number >= page.least && *number <= page.most)
    return (this->*page.answer)(exchange, *number);
  std::string text(page.prefix);
  text += " takes a number from " + std::to_string(page.least) + " to " + std::to_string(page.most);
  answerText(exchange, 400, text + "\n");
}

void OriginHandler::answerBytes(session::Exchange& exchange, uint64_t bytes) {
  MadeUpBody::start(dispatcher_, exchange, {bytes, MadeUpBody::kMaxPiece, false}, hint_.block());
}

void OriginHandler::answerChunked(session::Exchange& exchange, uint64_t bytes) {
  MadeUpBody::start(dispatcher_, exchange, {bytes, kChunk, true}, hint_.block());
}

void OriginHandler::answerDelay(session::Exchange& exchange, uint64_t milliseconds) {
  const std::chrono::milliseconds delay(static_cast<int64_t>(milliseconds));
  LateAnswer::start(dispatcher_, exchange, delay, hint_.block());
}

void OriginHandler::answerStatus(session::Exchange& exchange, uint64_t number) {
  const auto status = static_cast<uint16_t>(number);
  std::string line = std::to_string(status);
  line.append(" ").append(http1::reasonOf(status)).append("\n");
  session::Answer answer;
  answer.status = status;
  if (mayHaveContent(status)) answer.body = line;
  if (isRedirect(status)) answer.location = "/";
  answer.added = hint_.block();
  session::sendAnswer(exchange, answer);
}

void OriginHandler::answerEcho(session::Exchange& exchange) {
  const http::RequestHead& head = exchange.request();
  const bool empty = head.body == http::BodyKind::None ||
                     (head.body == http::BodyKind::Length && head.contentLength == 0);
  if (empty) return answerText(exchange, 200, textOf(head));
  Echo::start(dispatcher_, exchange, hint_.block());
}

void OriginHandler::answerText(session::Exchange& exchange, uint16_t status,
                               std::string_view text) {
  session::Answer answer;
  answer.status = status;
  answer.body = text;
  answer.added = hint_.block();
  session::sendAnswer(exchange, answer);
}

}  // namespace oxbow::demo
