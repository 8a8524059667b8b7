#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proxy/base/address.h"
#include "proxy/codec/http1/chunked.h"
#include "proxy/codec/http1/parser.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/function_timer.h"
#include "proxy/net/transport.h"

namespace oxbow::top {

// What came of a request.
struct Answer {
  std::string error;     // why there is none; else empty
  bool refused = false;  // the connection could not be made
  uint16_t status = 0;
  std::string body;
};

// One request on a connection of its own, on the dispatcher's thread. Destroying it gives it up.
class Fetch final : private event::IoHandler {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(5);
  static constexpr size_t kMostBytes = 64 << 20;

  // `done` runs once, in a later turn; the fetch may go then.
  Fetch(event::Dispatcher& dispatcher, const SocketAddress& to, std::string request,
        std::function<void(Answer)> done);
  ~Fetch();

 private:
  void onIo(uint8_t ready) override;
  void send();
  void receive();
  void consume();
  void consumeBody();
  bool takeHead();
  void ended();
  void fail(std::string why);
  void finish();

  event::Dispatcher& dispatcher_;
  const std::string request_;
  const std::function<void(Answer)> done_;
  std::unique_ptr<net::Transport> transport_;
  event::FunctionTimer deadline_;
  event::FunctionTimer finished_;
  Answer answer_;
  bool connected_ = false;
  bool over_ = false;
  size_t sent_ = 0;
  std::string received_;  // and not yet looked at
  bool headDone_ = false;
  http::BodyKind bodyKind_ = http::BodyKind::None;
  uint64_t bodyLeft_ = 0;
  http1::ChunkedDecoder chunks_;
};

}  // namespace oxbow::top
