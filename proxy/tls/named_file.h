#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/tls/complaints.h"
#include "proxy/tls/file.h"

namespace oxbow::tls {

// A file that a key of the configuration names; what is wrong with it is told as that key's
// problem, behind the file's name. The complaints outlive this.
class NamedFile {
 public:
  NamedFile(const Located<std::string>& file, std::string_view key, const Complaints& complaints);

  // Nothing: the error was told.
  std::optional<std::string> read() const;
  // The same; warns of a file that everybody may read.
  std::optional<Secret> readSecret() const;

  const std::string& path() const { return path_; }  // as opened
  void error(std::string_view what) const;
  void warn(std::string_view what) const;

 private:
  void complain(const FileFault& fault) const;

  const std::string path_;
  const Place place_;
  const std::string key_;
  const Complaints& complaints_;
};

}  // namespace oxbow::tls
