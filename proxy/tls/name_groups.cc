#include "proxy/tls/name_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace oxbow::tls {

namespace {

using Group = std::vector<size_t>;

class Grouping {
 public:
  Grouping(const std::vector<ServedCertificate>& certificates,
           const std::vector<config::CertificatePair>& config, const Complaints& complaints)
      : certificates_(certificates), config_(config), complaints_(complaints) {}

  bool collect() {
    for (size_t i = 0; i < certificates_.size(); ++i) {
      for (const std::string& pattern : certificates_[i].patterns) add(pattern, i);
      if (certificates_[i].patterns.empty() && i > 0)
        warn(i, "names", "no name leads to this certificate, so it is never used");
    }
    return good_;
  }

  void write(NameGroups& out) {
    const auto& names = certificates_.front().patterns;
    indexOf(out, names.empty() ? Group{0} : byPattern_[names.front()]);
    for (const auto& [pattern, group] : byPattern_) out.patterns.add(pattern, indexOf(out, group));
  }

 private:
  void add(const std::string& pattern, size_t index) {
    Group& group = byPattern_[pattern];
    for (const size_t other : group)
      if (other == index || !canStandBeside(pattern, index, other)) return;
    group.push_back(index);
  }

  bool canStandBeside(const std::string& pattern, size_t index, size_t other) {
    const ServedCertificate& a = certificates_[index];
    const ServedCertificate& b = certificates_[other];
    if (a.clients->identity() != b.clients->identity()) {
      good_ = false;
      complaints_.below(config::join("certificates", index))
          .error(config_[index].place, "client_certificates",
                 fmt::format("{} is verified otherwise in certificates[{}]; a name has one "
                             "verification of clients",
                             config::quoted(pattern), other));
      return false;
    }
    if (a.keyType() != b.keyType()) return true;
    warn(index, "names",
         fmt::format("{} has a key of that type in certificates[{}], so this certificate is not "
                     "used for it",
                     config::quoted(pattern), other));
    return false;
  }

  void warn(size_t index, std::string_view key, std::string message) const {
    const config::CertificatePair& pair = config_[index];
    complaints_.below(config::join("certificates", index))
        .warn(pair.names.empty() ? pair.place : pair.names.front().place, key, std::move(message));
  }

  static size_t indexOf(NameGroups& out, const Group& group) {
    const auto found = std::find(out.groups.begin(), out.groups.end(), group);
    if (found != out.groups.end()) return static_cast<size_t>(found - out.groups.begin());
    out.groups.push_back(group);
    return out.groups.size() - 1;
  }

  const std::vector<ServedCertificate>& certificates_;
  const std::vector<config::CertificatePair>& config_;
  const Complaints& complaints_;
  std::map<std::string, Group> byPattern_;
  bool good_ = true;
};

}  // namespace

bool groupByName(const std::vector<ServedCertificate>& certificates,
                 const std::vector<config::CertificatePair>& config, const Complaints& complaints,
                 NameGroups& out) {
  Grouping grouping(certificates, config, complaints);
  if (!grouping.collect()) return false;
  grouping.write(out);
  return true;
}

}  // namespace oxbow::tls
