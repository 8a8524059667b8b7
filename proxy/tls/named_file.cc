#include "proxy/tls/named_file.h"

#include <fmt/format.h>

#include <utility>

namespace oxbow::tls {

NamedFile::NamedFile(const Located<std::string>& file, std::string_view key,
                     const Complaints& complaints)
    : path_(pathIn(complaints.folder, *file)),
      place_(file.place),
      key_(key),
      complaints_(complaints) {}

std::optional<std::string> NamedFile::read() const {
  auto bytes = readFile(path_, kMaxFile);
  if (bytes) return std::move(bytes.value());
  complain(bytes.error());
  return std::nullopt;
}

std::optional<Secret> NamedFile::readSecret() const {
  auto bytes = tls::readSecret(path_, kMaxFile);
  if (!bytes) {
    complain(bytes.error());
    return std::nullopt;
  }
  if (bytes.value().readableByAll) warn("everybody may read it");
  return std::move(bytes.value());
}

void NamedFile::complain(const FileFault& fault) const {
  if (fault.isAbsent && complaints_.isElsewhere) return warn(fault.message);
  error(fault.message);
}

void NamedFile::error(std::string_view what) const {
  complaints_.error(place_, key_, fmt::format("{}: {}", shown(path_), what));
}

void NamedFile::warn(std::string_view what) const {
  complaints_.warn(place_, key_, fmt::format("{}: {}", shown(path_), what));
}

}  // namespace oxbow::tls
