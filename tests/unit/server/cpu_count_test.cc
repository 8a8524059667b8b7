#include "proxy/server/cpu_count.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/unit/log/temp_dir.h"

using namespace oxbow::server;

namespace {

// A tree of files that takes the place of "/".
struct FakeRoot {
  TempDir dir;

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = dir.file(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  // The process is in `group` of a v2 hierarchy.
  void joinV2(const std::string& group) { write("proc/self/cgroup", "0::" + group + "\n"); }
  void mountV2(const std::string& root = "/", const std::string& point = "/sys/fs/cgroup") {
    write("proc/self/mountinfo", "23 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" +
                                     ("31 23 0:28 " + root) + " " + point +
                                     " rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  // The same for the cpu controller of v1, which has more controllers beside it.
  void joinV1(const std::string& group) {
    write("proc/self/cgroup",
          "12:cpuset:/elsewhere\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/init.scope\n");
  }
  void mountV1(const std::string& root = "/") {
    write("proc/self/mountinfo",
          "33 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
          "32 31 0:30 " +
              root + " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  }
  void quotaV2(const std::string& group, const std::string& text) {
    write("sys/fs/cgroup" + group + "/cpu.max", text);
  }
  void quotaV1(const std::string& group, const std::string& quota, const std::string& period) {
    write("sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_quota_us", quota);
    write("sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_period_us", period);
  }
  // On a machine with so many CPUs.
  uint32_t cpus(uint32_t affinity = 64) { return availableCpus(affinity, dir.file("")); }
  uint32_t cpusWithV2(const std::string& text) {
    joinV2("/app");
    mountV2();
    quotaV2("/app", text);
    return cpus();
  }
};

}  // namespace

TEST_CASE("the affinity mask of the thread is counted") {
  uint32_t before = 0, pinned = 0;
  std::thread([&] {
    before = affinityCpus();
    const auto here = static_cast<size_t>(sched_getcpu());
    const size_t bytes = CPU_ALLOC_SIZE(here + 1);
    cpu_set_t* one = CPU_ALLOC(here + 1);
    CPU_ZERO_S(bytes, one);
    CPU_SET_S(here, bytes, one);
    if (sched_setaffinity(0, bytes, one) == 0) pinned = affinityCpus();
    CPU_FREE(one);
  }).join();
  CHECK(before >= 1);
  CHECK(pinned == 1);
}

TEST_CASE("what this process may use is at least one CPU, and no more than its affinity") {
  CHECK(availableCpus() >= 1);
  CHECK(availableCpus() <= affinityCpus());
}

TEST_CASE_FIXTURE(FakeRoot, "without cgroups the affinity alone counts") {
  CHECK(cpus(7) == 7);
  CHECK(cpus(0) == 1);
  CHECK_FALSE(quotaCpus(dir.file("")).has_value());
}

TEST_CASE_FIXTURE(FakeRoot, "v2: the quota is rounded up to whole CPUs") {
  CHECK(cpusWithV2("200000 100000\n") == 2);
  CHECK(cpusWithV2("150000 100000\n") == 2);
  CHECK(cpusWithV2("20000 100000\n") == 1);
  CHECK(cpusWithV2("100001 100000\n") == 2);
  CHECK(cpusWithV2("30000 10000\n") == 3);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: the smaller of quota and affinity counts") {
  CHECK(cpusWithV2("800000 100000\n") == 8);
  CHECK(cpus(4) == 4);
  CHECK(cpus(8) == 8);
  CHECK(cpusWithV2("18446744073709551615 1\n") == 64);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: max is no quota") { CHECK(cpusWithV2("max 100000\n") == 64); }

TEST_CASE_FIXTURE(FakeRoot, "v2: the least quota of a group and those around it counts") {
  joinV2("/kubepods/pod1/container");
  mountV2();
  quotaV2("/kubepods/pod1/container", "500000 100000\n");
  CHECK(cpus() == 5);
  quotaV2("/kubepods/pod1", "max 100000\n");
  CHECK(cpus() == 5);
  quotaV2("/kubepods", "350000 100000\n");
  CHECK(cpus() == 4);
  quotaV2("/kubepods/pod1", "300000 100000\n");
  CHECK(cpus() == 3);
  quotaV2("", "200000 100000\n");
  CHECK(cpus() == 2);
  quotaV2("/kubepods/pod2", "100000 100000\n");  // a sibling
  CHECK(cpus() == 2);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: in a cgroup namespace of its own the group is the root") {
  joinV2("/");
  mountV2();
  quotaV2("", "250000 100000\n");
  CHECK(cpus() == 3);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: a mount that shows only a part of the hierarchy") {
  joinV2("/docker/abc/child");
  mountV2("/docker/abc");
  quotaV2("/child", "600000 100000\n");
  CHECK(cpus() == 6);
  quotaV2("", "500000 100000\n");
  CHECK(cpus() == 5);
  joinV2("/docker/abcdef");  // begins alike, and is another
  CHECK(cpus() == 64);
  joinV2("/docker/abc");
  CHECK(cpus() == 5);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: a mount from outside of the cgroup namespace") {
  joinV2("/");
  mountV2("/../..");
  quotaV2("", "400000 100000\n");
  CHECK(cpus() == 4);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: a group outside of the cgroup namespace is not looked for") {
  joinV2("/../../etc");
  mountV2();
  write("sys/etc/cpu.max", "100000 100000\n");
  quotaV2("", "200000 100000\n");  // not around that group
  CHECK(cpus() == 64);
}

TEST_CASE_FIXTURE(FakeRoot, "v2: mount points and groups with strange names") {
  joinV2("/a:b/c d");
  mountV2("/", "/my\\040groups");
  write("my groups/a:b/c d/cpu.max", "300000 100000\n");
  CHECK(cpus() == 3);
}

TEST_CASE_FIXTURE(FakeRoot, "v1: quota and period of the cpu controller") {
  joinV1("/app");
  mountV1();
  quotaV1("/app", "150000\n", "100000\n");
  CHECK(cpus() == 2);
  quotaV1("/app", "20000\n", "100000\n");
  CHECK(cpus() == 1);
  quotaV1("/app", "-1\n", "100000\n");
  CHECK(cpus() == 64);
}

TEST_CASE_FIXTURE(FakeRoot, "v1: the groups around it count, also below a partial mount") {
  joinV1("/docker/abc/inner");
  mountV1("/docker/abc");
  quotaV1("/inner", "700000\n", "100000\n");
  CHECK(cpus() == 7);
  quotaV1("", "300000\n", "100000\n");
  CHECK(cpus() == 3);
}

TEST_CASE_FIXTURE(FakeRoot, "v1: the cpu controller alone in its hierarchy") {
  write("proc/self/cgroup", "2:cpuacct:/x\n1:cpu:/app\n");
  write("proc/self/mountinfo",
        "33 31 0:31 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
        "32 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  write("sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu/app/cpu.cfs_period_us", "100000\n");
  CHECK(cpus() == 4);
}

TEST_CASE_FIXTURE(FakeRoot, "hybrid: v1 limits, beside a v2 hierarchy without controllers") {
  write("proc/self/cgroup", "4:cpu,cpuacct:/app\n1:name=systemd:/app.service\n0::/app.service\n");
  write("proc/self/mountinfo",
        "32 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  quotaV1("/app", "250000\n", "100000\n");
  CHECK(cpus() == 3);
  // And the other way round.
  write("sys/fs/cgroup/unified/app.service/cpu.max", "200000 100000\n");
  CHECK(cpus() == 2);
}

TEST_CASE_FIXTURE(FakeRoot, "garbage is no quota") {
  for (const char* text : {"", "\n", "100000\n", "max\n", "x 100000\n", "100000 x\n", "-5 100000\n",
                           "0 100000\n", "100000 0\n", "100000 100000 1\n", "1e5 100000\n",
                           "99999999999999999999 100000\n", "100000  100000\n"}) {
    CAPTURE(text);
    CHECK(cpusWithV2(text) == 64);
  }
}

TEST_CASE_FIXTURE(FakeRoot, "garbage in /proc is ignored") {
  mountV2();
  quotaV2("/app", "200000 100000\n");
  for (const char* line : {"", "0", "0:", "0::", "0::app", "x::/app", "::", "0:cpu"}) {
    CAPTURE(line);
    write("proc/self/cgroup", std::string(line) + "\n");
    CHECK(cpus() == 64);
  }
  joinV2("/app");
  CHECK(cpus() == 2);
  for (const char* line :
       {"", "-", "- cgroup2", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2", "a b c d e f g h i j",
        "31 23 0:28 / - cgroup2 cgroup2 rw", "31 23 0:28 / /sys/fs/cgroup rw - cgroup3 x rw"}) {
    CAPTURE(line);
    write("proc/self/mountinfo", std::string(line) + "\n");
    CHECK(cpus() == 64);
  }
}
