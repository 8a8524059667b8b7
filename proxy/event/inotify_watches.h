#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace oxbow::event {

// The watches of one inotify instance (inotify(7)), found by walking: a walk names all that shall
// be watched from now on, and what it does not name ends with it. One thread.
class InotifyWatches {
 public:
  // The reason when there is no instance left.
  static Result<InotifyWatches> open();
  InotifyWatches(InotifyWatches&& other) noexcept;
  InotifyWatches& operator=(InotifyWatches&&) = delete;
  ~InotifyWatches();

  void beginWalk();
  // Watches for `events`, and for what was named before in this walk; follows no link. The watch's
  // number, or -errno.
  int watch(const std::string& path, uint32_t events);
  // What happens to that name in the watched directory matters. `isFile`: the name is the file's
  // own, not one on the way to it.
  void expect(int watch, const std::string& name, bool isFile);
  void endWalk();

  struct Event {
    uint32_t what = 0;  // bits of inotify(7)
    std::string path;   // what it happened to; empty: IN_Q_OVERFLOW
    bool isFile = false;
  };
  // Calls back for some of what has happened, a buffer at most. What is not watched any more, and
  // names that nobody expects, are left out. REQUIRES: no walk until it returns.
  void read(const std::function<void(const Event&)>& callback);

  // Readable when something has happened.
  int descriptor() const { return fd_; }

 private:
  struct Watch {
    std::string path;
    uint32_t wanted = 0;                             // by this walk; 0: not named yet
    uint32_t present = 0;                            // what the kernel has
    std::map<std::string, bool, std::less<>> names;  // expected; the file's own?
  };

  explicit InotifyWatches(int fd) : fd_(fd) {}
  void narrow(int id, Watch& watch);
  void interpret(int id, uint32_t what, std::string_view name,
                 const std::function<void(const Event&)>& callback);

  int fd_;
  std::map<int, Watch> watches_;
};

}  // namespace oxbow::event
