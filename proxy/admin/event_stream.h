#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/admin/server_view.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/session/exchange.h"

namespace oxbow::admin {

// Which events somebody wants to hear of.
struct EventFilter {
  std::string upstream;  // empty: all
  uint32_t kinds = ~0U;  // a bit for each pool::Lifecycle

  bool wants(const EventReport& event) const;
};

struct EventStreamTag;
class EventStream;
using EventStreams = IntrusiveList<EventStream, EventStreamTag>;

// Tells one client of events as they come (server-sent events, WHATWG HTML, section 9.2). A client
// that reads slowly loses some, and is told how many: at most kMost bytes wait for it, and when it
// takes none of them for the listener's send_timeout, its connection closes. Main thread. Destroys
// itself at the end of the exchange.
class EventStream final : public session::ExchangePeer,
                          private EventSubscriber,
                          public ListHook<EventStreamTag> {
 public:
  static constexpr size_t kMost = 64 << 10;
  static constexpr Duration kHeartbeat = std::chrono::seconds(15);

  // Answers `exchange`, and stands in `streams` while it lasts. The view outlives the exchange.
  // False: the view takes no more subscribers, and nothing has been sent. REQUIRES: inside
  // ExchangeHandler::onRequest.
  static bool begin(session::Exchange& exchange, ServerView& view, EventFilter filter,
                    EventStreams& streams);

  // Ends the response.
  void finish();

 private:
  EventStream(session::Exchange& exchange, ServerView& view, EventFilter filter);
  ~EventStream() override;

  void sendHead();
  void send(std::string_view text);

  // EventSubscriber
  uint64_t onEvents(TimePoint now, const std::vector<EventReport>& events,
                    uint64_t dropped) override;
  void onEventsOver() override { finish(); }

  // ExchangePeer
  void onData(std::string_view bytes) override { exchange_.addCredit(bytes.size()); }
  void onTrailers(http::FieldBlock&) override {}
  void onEnd() override {}
  void onBatchEnd() override {}
  void onResponseCredit(size_t bytes) override;
  void onOver(uint16_t, Duration, uint64_t, uint64_t) override {}
  void describe(log::AccessRecord&) override {}
  void onWritten() override { delete this; }
  void onReset(const Error&) override { delete this; }

  session::Exchange& exchange_;
  ServerView& view_;
  const EventFilter filter_;
  TimePoint now_{};
  TimePoint lastSent_{};
  size_t waiting_ = 0;    // bytes that the client has not taken
  uint64_t dropped_ = 0;  // that it was not told of yet
  bool finished_ = false;
};

}  // namespace oxbow::admin
