#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "proxy/config/blocks.h"
#include "proxy/config/suggest.h"
#include "proxy/config/tls_rules.h"

// What both kinds of `tls` have.

namespace oxbow::config {

namespace {

// RFC 8996, and RFC 7568 of the oldest.
constexpr std::array<std::string_view, 6> kTooOld{"SSLv2",   "SSLv3",   "TLSv1",
                                                  "TLSv1.0", "TLSv1.1", "TLSv1_1"};

void readVersion(const Node& node, BlockReader& in, std::string_view name,
                 Located<TlsVersion>& out) {
  const Node* value = node.find(name);
  const bool isTooOld = value != nullptr && value->isScalar() &&
                        std::any_of(kTooOld.begin(), kTooOld.end(), [value](std::string_view old) {
                          return editDistance(value->text, old) == 0;
                        });
  if (!isTooOld) return in.read(name, out);
  in.take(name);
  in.fail(name, fmt::format("oxbow does not speak {}, which is not safe", quoted(value->text)),
          "TLSv1.2");
}

void readVersions(const Node& node, BlockReader& in, TlsParameters& out) {
  readVersion(node, in, "min_version", out.minVersion);
  readVersion(node, in, "max_version", out.maxVersion);
  if (*out.minVersion > *out.maxVersion)
    in.fail("min_version", "TLSv1.3 is over max_version TLSv1.2");
}

void readList(BlockReader& in, std::string_view name, Located<std::string>& out,
              std::optional<Fault> (*check)(std::string_view)) {
  in.read(name, out);
  if (out.isDefault()) return;
  if (const auto fault = check(*out)) in.fail(name, fault->message, fault->suggestion);
}

std::optional<Fault> checkProtocol(const std::string& protocol) {
  const schema::Key& key = *schema::listenerTls().find("alpn");
  const auto isIn = [&](const std::vector<std::string_view>& words) {
    return std::find(words.begin(), words.end(), protocol) != words.end();
  };
  if (isIn(key.choices)) return std::nullopt;
  if (isIn(key.later))
    return Fault{fmt::format("{} is not supported in this version", quoted(protocol)), {}};
  return Fault{fmt::format("{} is not {}", quoted(protocol), fmt::join(key.choices, ", ")),
               suggest(protocol, key.choices)};
}

void readAlpn(const Node& node, BlockReader& in, std::vector<Located<std::string>>& out) {
  std::vector<Located<std::string>> protocols;
  in.read("alpn", protocols);
  const Node* value = node.find("alpn");
  if (value == nullptr || value->isNull()) return;
  if (value->isList() && value->children.empty())
    return in.fail("alpn", "is an empty list; leave it out for http/1.1");
  ItemPaths paths(value, in.pathOf("alpn"));
  std::unordered_set<std::string> seen;
  for (const Located<std::string>& protocol : protocols) {
    const std::string path = paths.next();
    if (const auto fault = checkProtocol(*protocol))
      in.problems().push_back({protocol.place, path, fault->message, fault->suggestion});
    else if (!seen.insert(*protocol).second)
      in.problems().push_back({protocol.place, path, "stands in this list twice", {}});
  }
  if (!protocols.empty()) out = std::move(protocols);
}

}  // namespace

void readTlsParameters(const Node& node, BlockReader& in, TlsParameters& out) {
  readVersions(node, in, out);
  readList(in, "ciphers", out.ciphers, checkCiphers);
  readList(in, "ciphersuites", out.ciphersuites, checkCiphersuites);
  readList(in, "groups", out.groups, checkGroups);
  readAlpn(node, in, out.alpn);
}

void readFileName(BlockReader& in, std::string_view name, Located<std::string>& out) {
  in.read(name, out);
  if (out.isDefault()) return;
  if (const auto fault = checkFileName(*out)) in.fail(name, fault->message, fault->suggestion);
}

void readFileNames(const Node& node, BlockReader& in, std::string_view name,
                   std::vector<Located<std::string>>& out) {
  in.read(name, out);
  const Node* value = node.find(name);
  if (value != nullptr && value->isList() && value->children.empty())
    in.fail(name, "is an empty list; leave it out");
  ItemPaths paths(value, in.pathOf(name));
  for (const Located<std::string>& file : out) {
    const std::string path = paths.next();
    if (const auto fault = checkFileName(*file))
      in.problems().push_back({file.place, path, fault->message, fault->suggestion});
  }
}

}  // namespace oxbow::config
