#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace oxbow::tls {

constexpr size_t kMaxFile = 1 << 20;

// Why a file was not read, without its name: "no such file".
struct FileFault {
  std::string message;
  bool isAbsent = false;  // there is no such file
};

// The bytes of a regular file, at most `most` of them: more is a fault.
Result<std::string, FileFault> readFile(const std::string& path, size_t most);

// What a file holds that nobody else is to know: wiped when it goes, never copied.
class Secret {
 public:
  explicit Secret(std::vector<char> bytes) : bytes_(std::move(bytes)) {}
  ~Secret() { wipe(); }
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret&&) = delete;

  std::string_view text() const { return {bytes_.data(), bytes_.size()}; }
  bool readableByAll = false;  // the file's mode says so

 private:
  void wipe();

  std::vector<char> bytes_;
};

// As readFile(); a file that everybody may write is a fault.
Result<Secret, FileFault> readSecret(const std::string& path, size_t most);

// As written, or in the folder.
std::string pathIn(const std::string& folder, const std::string& file);
// For a text: in quotes, whole unless it is absurdly long.
std::string shown(const std::string& path);

}  // namespace oxbow::tls
