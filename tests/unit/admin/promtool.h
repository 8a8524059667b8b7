#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace oxbow::admin {

// What Prometheus' own tool says. Needs promtool on PATH.
struct Complaint {
  int exitCode = -1;
  std::string text;
};

// Runs it with `arguments`, which name a file of that text as %.
inline Complaint promtool(std::string arguments, const std::string& text) {
  std::string path = (std::filesystem::temp_directory_path() / "oxbow-promtool-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  REQUIRE(fd >= 0);
  const ssize_t written = ::write(fd, text.data(), text.size());
  ::close(fd);
  arguments.replace(arguments.find('%'), 1, "'" + path + "'");
  Complaint complaint;
  if (FILE* pipe = ::popen(("promtool " + arguments + " 2>&1").c_str(), "r")) {
    char buffer[4096];
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe))
      complaint.text.append(buffer, n);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) complaint.exitCode = WEXITSTATUS(status);
  }
  ::unlink(path.c_str());
  REQUIRE(written == static_cast<ssize_t>(text.size()));
  return complaint;
}

inline Complaint lintMetrics(const std::string& text) {
  return promtool("check metrics < %", text);
}

inline Complaint checkRules(const std::string& yaml) { return promtool("check rules %", yaml); }

}  // namespace oxbow::admin
