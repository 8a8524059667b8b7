#pragma once

#include <cstddef>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/tls/complaints.h"
#include "proxy/tls/host_name.h"
#include "proxy/tls/served_certificate.h"

namespace oxbow::tls {

// Which certificates stand side by side for which names: those that have a name in common make its
// group, one of each type of key.
struct NameGroups {
  std::vector<std::vector<size_t>> groups;  // indices of certificates; front: the default's group
  HostPatterns patterns;                    // lead to indices of groups
};

// `certificates` are as in `config`. False: the errors were told.
bool groupByName(const std::vector<ServedCertificate>& certificates,
                 const std::vector<config::CertificatePair>& config, const Complaints& complaints,
                 NameGroups& out);

}  // namespace oxbow::tls
