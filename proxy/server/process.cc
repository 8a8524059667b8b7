#include "proxy/server/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace oxbow::server {

namespace {

constexpr const char* kDescriptors = "/proc/self/fd";

uint64_t residentBytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t countDescriptors() {
  DIR* folder = opendir(kDescriptors);
  if (folder == nullptr) return 0;
  uint64_t entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  constexpr uint64_t kOthers = 3;  // ".", ".." and the folder's own
  return entries > kOthers ? entries - kOthers : 0;
}

// Kernels from 6.2 on tell the number as the folder's size; of older ones each is listed.
uint64_t openDescriptors() {
  struct stat status {};
  if (stat(kDescriptors, &status) == 0 && status.st_size > 0)
    return static_cast<uint64_t>(status.st_size);
  return countDescriptors();
}

double secondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void reportProcess(admin::ProcessReport& report) {
  report.residentBytes = residentBytes();
  report.openDescriptors = openDescriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) report.descriptorLimit = limit.rlim_cur;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    report.cpuSeconds = secondsOf(usage.ru_utime) + secondsOf(usage.ru_stime);
}

}  // namespace oxbow::server
