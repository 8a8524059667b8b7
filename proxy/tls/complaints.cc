#include "proxy/tls/complaints.h"

#include <utility>

namespace oxbow::tls {

namespace {

config::Problem problemAt(const Complaints& complaints, const Place& place, std::string_view key,
                          std::string message) {
  return {place, config::join(complaints.path, key), std::move(message), {}};
}

}  // namespace

void Complaints::error(const Place& place, std::string_view key, std::string message) const {
  errors.push_back(problemAt(*this, place, key, std::move(message)));
}

void Complaints::warn(const Place& place, std::string_view key, std::string message) const {
  warnings.push_back(problemAt(*this, place, key, std::move(message)));
}

Complaints Complaints::below(std::string_view key) const {
  return {config::join(path, key), folder, errors, warnings, isElsewhere};
}

}  // namespace oxbow::tls
