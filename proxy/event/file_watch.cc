#include "proxy/event/file_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/log/log.h"

namespace oxbow::event {

namespace {

constexpr int kMostSteps = 512;
constexpr int kMostWalks = 4;  // of those in which something has moved, before the next try
// That a directory on the way goes. Quiet: says nothing about what is in it.
constexpr uint32_t kSelf = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR;
constexpr uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

enum class Kind { Missing, Directory, Link, Other };

Kind kindOf(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return Kind::Missing;
  if (S_ISDIR(status.st_mode)) return Kind::Directory;
  return S_ISLNK(status.st_mode) ? Kind::Link : Kind::Other;
}

// A file that was created a moment ago, and is not a link to one: who created it will close it.
bool isNewFile(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
}

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

std::vector<std::string> namesOf(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) names.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

std::string under(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

std::string parentOf(const std::string& directory) {
  const size_t slash = directory.rfind('/');
  return slash == 0 ? "/" : directory.substr(0, slash);
}

std::string targetOf(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  return std::string(target, static_cast<size_t>(std::max<ssize_t>(length, 0)));
}

std::string complaint(const std::string& path, const std::string& reason) {
  return "cannot watch " + path + ": " + reason;
}

}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::open(Dispatcher& dispatcher,
                                                   const std::vector<std::string>& paths,
                                                   std::function<void()> changed) {
  Result<InotifyWatches> watches = InotifyWatches::open();
  if (!watches) return complaint(paths.front(), watches.error());
  std::vector<std::string> absolute;
  for (const std::string& path : paths) {
    std::error_code error;
    absolute.push_back(std::filesystem::absolute(path, error).string());
    if (error) return complaint(path, error.message());
  }
  std::unique_ptr<FileWatch> watch(new FileWatch(dispatcher, std::move(absolute),
                                                 std::move(watches.value()), std::move(changed)));
  if (const auto reason = watch->walk()) return *reason;
  if (!watch->event_.start(dispatcher, watch->watches_.descriptor(), *watch,
                           IoEvent::Trigger::LevelRead))
    return complaint(paths.front(), "the poller refuses it");
  return watch;
}

FileWatch::FileWatch(Dispatcher& dispatcher, std::vector<std::string> paths, InotifyWatches watches,
                     std::function<void()> changed)
    : IoHandler("watching a file"),
      dispatcher_(dispatcher),
      paths_(std::move(paths)),
      changed_(std::move(changed)),
      watches_(std::move(watches)) {}

FileWatch::~FileWatch() = default;

void FileWatch::onIo(uint8_t) {
  watches_.read([this](const InotifyWatches::Event& event) { onEvent(event); });
  if (stale_) walkAnew();
}

void FileWatch::onEvent(const InotifyWatches::Event& event) {
  stale_ = true;
  if ((event.what & IN_IGNORED) != 0) return;  // the reason came before
  const bool isGone = (event.what & (IN_DELETE | IN_MOVED_FROM)) != 0;
  const bool isBegun = (event.what & IN_CREATE) != 0 && isNewFile(event.path);
  if (event.isFile && (isGone || isBegun)) return;  // there is nothing to read, or not all of it
  noteChange();
}

void FileWatch::noteChange() {
  const TimePoint now = dispatcher_.now();
  if (!std::exchange(pending_, true)) latest_ = now + kMostDelay;
  dispatcher_.setDeadline(*this, std::min(now + kDelay, latest_));
}

void FileWatch::onTimer() {
  pending_ = false;
  if (stale_) walkAnew();
  if (!pending_ && std::any_of(paths_.begin(), paths_.end(), exists)) changed_();
}

void FileWatch::walkAnew() {
  if (const auto reason = walk()) LOG_WARN("{}", *reason);
}

// The watch of a directory comes before the look into it, so that no change falls between the two.
std::optional<std::string> FileWatch::walk() {
  error_.reset();
  stale_ = false;
  Step end = Step::Again;
  watches_.beginWalk();
  for (int i = 0; i < kMostWalks && end == Step::Again; ++i) {
    end = Step::End;
    for (const std::string& path : paths_)
      if (walkOnce(path) == Step::Again) end = Step::Again;
  }
  watches_.endWalk();
  if (end == Step::Again) {  // then a little later
    stale_ = true;
    noteChange();
  }
  return error_;
}

FileWatch::Step FileWatch::walkOnce(const std::string& path) {
  Way way{path, "/", {}, 0, 0};
  for (std::string& name : namesOf(path)) way.rest.push_back(std::move(name));
  Step result = Step::Next;
  while (result == Step::Next) result = step(way);
  return result;
}

FileWatch::Step FileWatch::step(Way& way) {
  if (way.rest.empty() || ++way.steps > kMostSteps) return Step::End;
  const std::string name = std::move(way.rest.front());
  way.rest.pop_front();
  if (name == "." || name == "..") {
    if (name == "..") way.at = parentOf(way.at);
    return Step::Next;
  }
  const std::string path = under(way.at, name);
  if (way.rest.empty() || kindOf(path) != Kind::Directory) return watchFor(way, name);
  // One that may be searched but not read cannot be watched; that it moves is rare enough.
  const int watch = watches_.watch(way.at, kSelf);
  if (watch < 0 && watch != -EACCES) return fail(way, -watch);
  way.at = path;
  return Step::Next;
}

// What happens to `name` matters: it is the file's, a link's, or not there.
FileWatch::Step FileWatch::watchFor(Way& way, const std::string& name) {
  const bool isFile = way.rest.empty();
  const int watch = watches_.watch(way.at, kSelf | kNames | (isFile ? IN_CLOSE_WRITE : 0));
  if (watch < 0) return fail(way, -watch);
  watches_.expect(watch, name, isFile);
  const std::string path = under(way.at, name);
  switch (kindOf(path)) {
    case Kind::Link:
      return follow(way, path);
    case Kind::Directory:
      way.at = path;
      return Step::Next;
    case Kind::Other:
      // Its own watch is for those who write to it by another name, and it may be the only one: of
      // a file that is mounted by itself the directory hears nothing.
      if (isFile) watches_.watch(path, IN_CLOSE_WRITE);
      return Step::End;
    case Kind::Missing:
      break;
  }
  return Step::End;
}

FileWatch::Step FileWatch::follow(Way& way, const std::string& link) {
  if (++way.links > kMostLinks) return Step::End;
  const std::string target = targetOf(link);
  if (!target.empty() && target[0] == '/') way.at = "/";
  const std::vector<std::string> names = namesOf(target);
  way.rest.insert(way.rest.begin(), names.begin(), names.end());
  return Step::Next;
}

FileWatch::Step FileWatch::fail(const Way& way, int error) {
  if (error == ENOENT || error == ENOTDIR) return Step::Again;
  const std::string hint = error == ENOSPC ? " (fs.inotify.max_user_watches)" : "";
  error_ = complaint(way.at + " for " + way.to, std::strerror(error) + hint);
  return Step::End;
}

}  // namespace oxbow::event
