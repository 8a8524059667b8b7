#include "proxy/log/access_sink.h"

#include <algorithm>
#include <utility>

#include "proxy/log/output.h"
#include "proxy/log/socket_sink.h"

namespace oxbow::log {

namespace {

class FileSink final : public AccessSink {
 public:
  explicit FileSink(LogOutput output) : output_(std::move(output)) {}

  uint64_t write(std::string_view lines, const std::atomic<bool>& stopping) override {
    return countLines(lines.substr(output_.write(lines, stopping)));
  }
  bool reopen() override { return output_.reopen(); }
  int failure() const override { return output_.failure(); }

 private:
  LogOutput output_;
};

}  // namespace

uint64_t countLines(std::string_view lines) {
  return static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
}

Result<std::unique_ptr<AccessSink>> openSink(const Destination& to, Duration grace) {
  using Sink = std::unique_ptr<AccessSink>;
  if (to.kind != Destination::Kind::File) return Sink(std::make_unique<SocketSink>(to, grace));
  Result<LogOutput> output = LogOutput::open(to.path, grace);
  if (!output) return output.error();
  return Sink(std::make_unique<FileSink>(std::move(output.value())));
}

}  // namespace oxbow::log
