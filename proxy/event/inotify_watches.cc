#include "proxy/event/inotify_watches.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/assert.h"

namespace oxbow::event {

namespace {
constexpr size_t kBufferBytes = 8 << 10;
}  // namespace

Result<InotifyWatches> InotifyWatches::open() {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) return InotifyWatches(fd);
  std::string reason = std::strerror(errno);
  if (errno == EMFILE) reason += " (descriptors, or fs.inotify.max_user_instances)";
  return reason;
}

InotifyWatches::InotifyWatches(InotifyWatches&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), watches_(std::move(other.watches_)) {}

InotifyWatches::~InotifyWatches() {
  if (fd_ >= 0) close(fd_);
}

void InotifyWatches::beginWalk() {
  for (auto& [id, watch] : watches_) {
    watch.wanted = 0;
    watch.names.clear();
  }
}

int InotifyWatches::watch(const std::string& path, uint32_t events) {
  const int id = inotify_add_watch(fd_, path.c_str(), events | IN_MASK_ADD | IN_DONT_FOLLOW);
  if (id < 0) return -errno;
  Watch& watch = watches_[id];
  watch.path = path;
  watch.wanted |= events;
  watch.present |= events;
  return id;
}

void InotifyWatches::expect(int watch, const std::string& name, bool isFile) {
  const auto found = watches_.find(watch);
  ASSERT(found != watches_.end());
  bool& marked = found->second.names[name];
  marked = marked || isFile;
}

void InotifyWatches::endWalk() {
  for (auto at = watches_.begin(); at != watches_.end();) {
    if (at->second.wanted != 0) {
      narrow(at->first, at->second);
      ++at;
    } else {
      inotify_rm_watch(fd_, at->first);
      at = watches_.erase(at);
    }
  }
}

// A directory of which less matters than before shall not wake anybody for nothing.
void InotifyWatches::narrow(int id, Watch& watch) {
  if (watch.present == watch.wanted) return;
  const int got = inotify_add_watch(fd_, watch.path.c_str(), watch.wanted | IN_DONT_FOLLOW);
  if (got == id) watch.present = watch.wanted;
  // Another thing has taken its place since. The event of that is on its way.
  if (got >= 0 && watches_.count(got) == 0) inotify_rm_watch(fd_, got);
}

void InotifyWatches::read(const std::function<void(const Event&)>& callback) {
  alignas(inotify_event) char buffer[kBufferBytes];
  const ssize_t bytes = ::read(fd_, buffer, sizeof buffer);
  const char* const end = buffer + (bytes > 0 ? bytes : 0);
  for (const char* at = buffer; at < end;) {
    const auto* event = reinterpret_cast<const inotify_event*>(at);
    // The name is padded with zeros.
    const std::string_view name = event->len > 0 ? std::string_view(event->name) : "";
    interpret(event->wd, event->mask, name, callback);
    at += sizeof *event + event->len;
  }
}

void InotifyWatches::interpret(int id, uint32_t what, std::string_view name,
                               const std::function<void(const Event&)>& callback) {
  if ((what & IN_Q_OVERFLOW) != 0) return callback({what, {}, false});
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  Watch& watch = found->second;
  Event event{what, watch.path, false};
  if ((what & IN_IGNORED) != 0) {
    watches_.erase(found);
  } else if (!name.empty()) {
    const auto expected = watch.names.find(name);
    if (expected == watch.names.end()) return;
    event.path += '/';
    event.path += name;
    event.isFile = expected->second;
  }
  callback(event);
}

}  // namespace oxbow::event
