#include "proxy/admin/event_stream.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <utility>

#include "proxy/base/assert.h"
#include "proxy/codec/http/field_writer.h"

namespace oxbow::admin {

namespace {

using Json = nlohmann::ordered_json;

// "2026-01-02T03:04:05.678Z"
std::string timeText(WallTime time) {
  using std::chrono::duration_cast;
  const auto millis = duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(millis / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), millis % 1000);
}

std::string textOf(const EventReport& event) {
  Json json = {{"time", timeText(event.time)}, {"kind", pool::textOf(event.kind)},
               {"upstream", event.upstream},   {"endpoint", nullptr},
               {"worker", event.worker},       {"connection", nullptr}};
  if (!event.endpoint.empty()) json["endpoint"] = event.endpoint;
  if (event.connection != 0) json["connection"] = event.connection;
  if (!event.reason.empty()) json["reason"] = event.reason;
  return fmt::format("event: {}\ndata: {}\n\n", pool::textOf(event.kind),
                     json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

bool EventFilter::wants(const EventReport& event) const {
  if ((kinds >> static_cast<uint32_t>(event.kind) & 1) == 0) return false;
  return upstream.empty() || upstream == event.upstream;
}

EventStream::EventStream(session::Exchange& exchange, ServerView& view, EventFilter filter)
    : exchange_(exchange), view_(view), filter_(std::move(filter)) {}

EventStream::~EventStream() {
  EventSubscriber& self = *this;
  view_.unsubscribe(self);
}

bool EventStream::begin(session::Exchange& exchange, ServerView& view, EventFilter filter,
                        EventStreams& streams) {
  auto* stream = new EventStream(exchange, view, std::move(filter));
  EventSubscriber& subscriber = *stream;
  if (!view.subscribe(subscriber)) {
    delete stream;
    return false;
  }
  streams.pushFront(*stream);
  exchange.attach(*stream);
  stream->sendHead();
  return true;
}

void EventStream::sendHead() {
  char bytes[256];
  http::Field fields[4];
  http::FieldWriter writer(bytes, sizeof bytes, fields, 4);
  const bool fits =
      writer.add("Content-Type", "text/event-stream") && writer.add("Cache-Control", "no-store");
  ASSERT(fits);
  http::ResponseHead head;
  head.status = 200;
  head.body = http::BodyKind::Chunked;
  head.fields = writer.block();
  const bool isHead = exchange_.request().method == http::Method::Head;
  exchange_.onHead(head);
  if (isHead) return finish();
  // So that a client sees that it is connected.
  send(": events of oxbow\n\n");
}

void EventStream::send(std::string_view text) {
  waiting_ += text.size();
  lastSent_ = now_;
  exchange_.onData(text);
  exchange_.onBatchEnd();
}

uint64_t EventStream::onEvents(TimePoint now, const std::vector<EventReport>& events,
                               uint64_t dropped) {
  if (finished_) return 0;
  uint64_t lost = 0;
  if (lastSent_ == TimePoint()) lastSent_ = now;
  now_ = now;
  dropped_ += dropped;
  std::string text;
  const auto hasRoom = [&] { return waiting_ + text.size() < kMost; };
  if (dropped_ > 0 && hasRoom())
    text = fmt::format("event: dropped\ndata: {{\"dropped\":{}}}\n\n", std::exchange(dropped_, 0));
  for (const EventReport& event : events) {
    if (!filter_.wants(event)) continue;
    if (hasRoom())
      text += textOf(event);
    else
      ++lost;
  }
  if (text.empty() && now - lastSent_ >= kHeartbeat && hasRoom()) text = ": still here\n\n";
  dropped_ += lost;
  if (!text.empty()) send(text);
  return lost;
}

void EventStream::onResponseCredit(size_t bytes) { waiting_ -= bytes; }

void EventStream::finish() {
  if (std::exchange(finished_, true)) return;
  EventSubscriber& self = *this;
  view_.unsubscribe(self);
  unlink();
  exchange_.onEnd();
  exchange_.onBatchEnd();
}

}  // namespace oxbow::admin
