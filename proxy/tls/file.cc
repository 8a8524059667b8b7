#include "proxy/tls/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/config/problem.h"

namespace oxbow::tls {

namespace {

// An open file, or the reason why there is none.
class File {
 public:
  // Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0 || ::fstat(fd_, &info_) != 0) error_ = errno;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string fault() const {
    if (error_ != 0) return faultOf(error_);
    if (S_ISDIR(info_.st_mode)) return "is a folder, not a file";
    return S_ISREG(info_.st_mode) ? "" : "is not a regular file";
  }
  bool isAbsent() const { return error_ == ENOENT || error_ == ENOTDIR; }
  mode_t mode() const { return info_.st_mode; }

  // Fills `to`, which is one byte longer than what may be read. Returns how much came.
  size_t read(std::vector<char>& to) {
    size_t size = 0;
    while (size < to.size()) {
      const ssize_t n = ::read(fd_, to.data() + size, to.size() - size);
      if (n < 0) error_ = errno;
      if (n <= 0) break;
      size += static_cast<size_t>(n);
    }
    return size;
  }

 private:
  static std::string faultOf(int error) {
    return error == ENOENT ? "no such file" : std::strerror(error);
  }

  int fd_;
  int error_ = 0;
  struct stat info_ {};
};

// The buffer has its full size from the start: growing would leave copies of secrets behind.
Result<Secret, FileFault> readFrom(File& file, size_t most) {
  if (std::string fault = file.fault(); !fault.empty())
    return FileFault{std::move(fault), file.isAbsent()};
  std::vector<char> bytes(most + 1);
  const size_t size = file.read(bytes);
  bytes.resize(size);
  Secret secret(std::move(bytes));
  if (std::string fault = file.fault(); !fault.empty()) return FileFault{std::move(fault), false};
  if (size > most) return FileFault{fmt::format("is larger than {} bytes", most)};
  secret.readableByAll = (file.mode() & S_IROTH) != 0;
  return secret;
}

}  // namespace

void Secret::wipe() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

Result<std::string, FileFault> readFile(const std::string& path, size_t most) {
  File file(path);
  const auto bytes = readFrom(file, most);
  if (!bytes) return bytes.error();
  return std::string(bytes.value().text());
}

Result<Secret, FileFault> readSecret(const std::string& path, size_t most) {
  File file(path);
  if (file.fault().empty() && (file.mode() & S_IWOTH) != 0)
    return FileFault{"everybody may write it; take that right away (chmod o-w)"};
  return readFrom(file, most);
}

std::string pathIn(const std::string& folder, const std::string& file) {
  if (file.empty() || file.front() == '/' || folder.empty()) return file;
  return folder.back() == '/' ? folder + file : folder + '/' + file;
}

std::string shown(const std::string& path) {
  constexpr size_t kMaxPath = 300;
  return '"' + config::printable(path, kMaxPath) + '"';
}

}  // namespace oxbow::tls
