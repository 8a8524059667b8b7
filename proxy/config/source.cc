#include "proxy/config/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace oxbow::config {

namespace {

class File {
 public:
  // Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Problem wholeFile(std::string message) { return Problem{{}, {}, std::move(message), {}}; }

Problem systemProblem(std::string_view what) {
  return wholeFile(fmt::format("{}: {}", what, std::strerror(errno)));
}

Problem tooLarge() {
  return wholeFile(
      fmt::format("the file is larger than {} bytes, the most that is read", kMaxFileSize));
}

std::optional<Problem> checkFile(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return systemProblem("cannot look at the file");
  if (S_ISDIR(info.st_mode)) return wholeFile("is a directory, not a file");
  if (!S_ISREG(info.st_mode)) return wholeFile("is not a regular file");
  if (static_cast<uint64_t>(info.st_size) > kMaxFileSize) return tooLarge();
  return std::nullopt;
}

// The length of the well-formed UTF-8 character at the start of `text` (RFC 3629, section 4), or 0.
size_t characterLength(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // a surrogate
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;  // over U+10FFFF
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Tab, line feed, and a carriage return before a line feed are the controls that text has.
bool isForbiddenControl(std::string_view rest) {
  const char c = rest[0];
  if (c == '\t' || c == '\n') return false;
  if (c == '\r') return rest.size() < 2 || rest[1] != '\n';
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::string describe(char c) {
  if (c == '\0') return "a NUL byte";
  if (c == '\r') return "a carriage return without a line feed";
  return fmt::format("the control character \\x{:02x}", static_cast<unsigned char>(c));
}

}  // namespace

Result<std::string, Problem> readSource(const std::string& path) {
  const File file(path);
  if (file.fd() < 0) return systemProblem("cannot open the file");
  if (auto problem = checkFile(file.fd())) return *problem;
  std::string text;
  char block[16384];
  for (;;) {
    const ssize_t n = ::read(file.fd(), block, sizeof(block));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return systemProblem("cannot read the file");
    if (n == 0) return text;
    text.append(block, static_cast<size_t>(n));
    if (text.size() > kMaxFileSize) return tooLarge();  // it grew, or its size was a lie (/proc)
  }
}

std::optional<Problem> checkSource(std::string_view text) {
  if (text.size() > kMaxFileSize) return tooLarge();
  Place place{1, 1};
  while (!text.empty()) {
    const size_t length = characterLength(text);
    if (length == 0) return Problem{place, {}, "this is not UTF-8 text", {}};
    if (isForbiddenControl(text))
      return Problem{place, {}, fmt::format("{} is not allowed", describe(text[0])), {}};
    place.column += static_cast<uint32_t>(length);
    if (text[0] == '\n') place = {place.line + 1, 1};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace oxbow::config
