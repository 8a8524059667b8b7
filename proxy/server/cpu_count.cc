#include "proxy/server/cpu_count.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <memory>
#include <string_view>
#include <vector>

namespace oxbow::server {

namespace {

constexpr size_t kMostCpus = 1 << 20;  // beyond this, the kernel's EINVAL means something else

using Quota = std::optional<uint64_t>;  // in whole CPUs

Quota lesser(Quota a, Quota b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::vector<std::string> linesOf(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool contains(const std::vector<std::string_view>& parts, std::string_view part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// A positive number and nothing else; "max" and -1 are none.
std::optional<uint64_t> positive(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

Quota wholeCpus(std::string_view quota, std::string_view period) {
  const auto time = positive(quota);
  const auto every = positive(period);
  if (!time || !every) return std::nullopt;
  return *time / *every + (*time % *every != 0 ? 1 : 0);
}

// "150000 100000": microseconds in each period of microseconds.
Quota quotaV2(const std::string& group) {
  const std::vector<std::string> lines = linesOf(group + "/cpu.max");
  if (lines.empty()) return std::nullopt;
  const auto parts = split(lines[0], ' ');
  return parts.size() == 2 ? wholeCpus(parts[0], parts[1]) : std::nullopt;
}

Quota quotaV1(const std::string& group) {
  const std::vector<std::string> quota = linesOf(group + "/cpu.cfs_quota_us");
  const std::vector<std::string> period = linesOf(group + "/cpu.cfs_period_us");
  if (quota.empty() || period.empty()) return std::nullopt;
  return wholeCpus(quota[0], period[0]);
}

// A line of /proc/self/cgroup: "4:cpu,cpuacct:/group", or "0::/group" for v2.
struct Membership {
  bool v2 = false;
  bool cpu = false;  // v1: with the cpu controller
  std::string group;
};

Membership membershipOf(std::string_view line) {
  const size_t first = line.find(':');
  const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return {};
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  return {line.substr(0, first) == "0" && controllers.empty(),
          contains(split(controllers, ','), "cpu"), std::string(line.substr(second + 1))};
}

// A line of /proc/self/mountinfo that mounts a cgroup hierarchy.
struct Mount {
  bool v2 = false;
  bool cpu = false;
  std::string root;  // the group that `point` shows
  std::string point;
};

// Spaces and the like are written as "\040".
std::string unescaped(std::string_view text) {
  std::string result;
  const auto isOctal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    const bool isEscape = text[i] == '\\' && i + 3 < text.size() && isOctal(text[i + 1]) &&
                          isOctal(text[i + 2]) && isOctal(text[i + 3]);
    if (!isEscape) {
      result += text[i];
      continue;
    }
    const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    result += static_cast<char>(code);
    i += 3;
  }
  return result;
}

// "31 23 0:28 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu" (proc(5)).
Mount mountOf(std::string_view line) {
  const auto parts = split(line, ' ');
  const auto dash = std::find(parts.begin(), parts.end(), "-");
  if (dash - parts.begin() < 6 || parts.end() - dash < 4) return {};
  return {dash[1] == "cgroup2", dash[1] == "cgroup" && contains(split(dash[3], ','), "cpu"),
          unescaped(parts[3]), unescaped(parts[4])};
}

bool isOutside(std::string_view group) { return contains(split(group, '/'), ".."); }

// Where `group` lies below the mount: "" for the group that is mounted, "/a" for a child of it;
// none when the mount does not show it.
std::optional<std::string> below(const Mount& mount, const std::string& group) {
  if (group.empty() || group[0] != '/') return std::nullopt;
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (group.compare(0, root.size(), root) == 0) {
    std::string rest = group.substr(root.size());
    if (rest == "/") rest.clear();
    const bool isPart = rest.empty() || rest[0] == '/';
    if (isPart && !isOutside(rest)) return rest;
  }
  // A mount from outside of our cgroup namespace is a group around it: the names between are
  // hidden, but its own quota counts.
  if (root.compare(0, 3, "/..") == 0 && !isOutside(group)) return "";
  return std::nullopt;
}

// Of the group and of all groups around it that the mount shows.
Quota quotaUpwards(const Mount& mount, const std::string& root, std::string group) {
  Quota least;
  for (;;) {
    const std::string folder = root + mount.point + group;
    least = lesser(least, mount.v2 ? quotaV2(folder) : quotaV1(folder));
    if (group.empty()) return least;
    group.erase(group.rfind('/'));
  }
}

}  // namespace

std::optional<uint64_t> quotaCpus(const std::string& root) {
  Quota least;
  const std::vector<std::string> mounts = linesOf(root + "/proc/self/mountinfo");
  for (const std::string& line : linesOf(root + "/proc/self/cgroup")) {
    const Membership member = membershipOf(line);
    if (!member.v2 && !member.cpu) continue;
    for (const std::string& mountLine : mounts) {
      const Mount mount = mountOf(mountLine);
      if (member.v2 ? !mount.v2 : !mount.cpu) continue;
      if (const auto group = below(mount, member.group))
        least = lesser(least, quotaUpwards(mount, root, *group));
    }
  }
  return least;
}

uint32_t affinityCpus() {
  for (size_t cpus = CPU_SETSIZE; cpus <= kMostCpus; cpus *= 2) {
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    const auto free = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(free)> set(CPU_ALLOC(cpus), free);
    if (set == nullptr) break;
    if (sched_getaffinity(0, bytes, set.get()) == 0)
      return static_cast<uint32_t>(std::max(CPU_COUNT_S(bytes, set.get()), 1));
    if (errno != EINVAL) break;  // EINVAL: the machine may have more CPUs than the set holds
  }
  return static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

uint32_t availableCpus(uint32_t affinity, const std::string& root) {
  const uint64_t quota = quotaCpus(root).value_or(affinity);
  return static_cast<uint32_t>(std::max<uint64_t>(std::min<uint64_t>(affinity, quota), 1));
}

uint32_t availableCpus() { return availableCpus(affinityCpus(), "/"); }

}  // namespace oxbow::server
