#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/event/dispatcher.h"
#include "proxy/event/inotify_watches.h"
#include "proxy/event/io_event.h"
#include "proxy/event/timer_wheel.h"

namespace oxbow::event {

// Tells when one of some files may have changed: written in place, replaced by a rename, or another
// one because a link or a directory on the way to it changed, as Kubernetes does with a mounted
// ConfigMap. Says nothing while none of them is there, and once when one is again. What is told may
// turn out to be no change. Dispatcher's thread only.
class FileWatch final : private IoHandler, private Timer {
 public:
  // After the last of a burst of changes; but no change waits longer than kMostDelay.
  static constexpr Duration kDelay = std::chrono::milliseconds(100);
  static constexpr Duration kMostDelay = std::chrono::seconds(1);
  static constexpr int kMostLinks = 32;  // on the way; what lies behind more is not watched

  // The files need not be there yet. An error names the path and the reason. `changed` may not
  // destroy the watch. The dispatcher outlives it.
  static Result<std::unique_ptr<FileWatch>> open(Dispatcher& dispatcher,
                                                 const std::vector<std::string>& paths,
                                                 std::function<void()> changed);
  static Result<std::unique_ptr<FileWatch>> open(Dispatcher& dispatcher, const std::string& path,
                                                 std::function<void()> changed) {
    return open(dispatcher, std::vector<std::string>{path}, std::move(changed));
  }
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  FileWatch(Dispatcher& dispatcher, std::vector<std::string> paths, InotifyWatches watches,
            std::function<void()> changed);

  void onIo(uint8_t ready) override;
  void onTimer() override;
  void onEvent(const InotifyWatches::Event& event);
  void noteChange();

  // Where a walk from the root to the file stands.
  struct Way {
    const std::string& to;         // the file
    std::string at;                // a directory; without links
    std::deque<std::string> rest;  // names from there
    int links = 0;
    int steps = 0;
  };
  // How a step of the walk went.
  enum class Step {
    Next,
    End,    // at the file, or at what stands in its place, or behind what can be watched
    Again,  // something has moved meanwhile
  };

  [[nodiscard]] std::optional<std::string> walk();
  Step walkOnce(const std::string& path);
  Step step(Way& way);
  Step watchFor(Way& way, const std::string& name);
  Step follow(Way& way, const std::string& link);
  Step fail(const Way& way, int error);
  void walkAnew();

  Dispatcher& dispatcher_;
  const std::vector<std::string> paths_;
  const std::function<void()> changed_;
  InotifyWatches watches_;
  IoEvent event_;
  std::optional<std::string> error_;  // of this walk
  bool stale_ = false;                // the walk led elsewhere now, or does not hold
  bool pending_ = false;              // a change is still to be told
  TimePoint latest_{};                // when; valid while pending
};

}  // namespace oxbow::event
