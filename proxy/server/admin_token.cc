#include "proxy/server/admin_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "proxy/tls/file.h"

namespace oxbow::server {

namespace {

constexpr size_t kLeast = 16;
constexpr size_t kMost = 512;

bool isVisible(std::string_view token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string_view withoutNewline(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string loadAdminToken(const config::Config& config, TlsProblems& problems, bool isElsewhere) {
  const config::Located<std::string>& file = config.admin.tokenFile;
  if (!config.admin.enabled || file->empty()) return {};
  const auto tell = [&file](std::vector<config::Problem>& to, const std::string& what) {
    to.push_back(
        {file.place, "admin.token_file", fmt::format("{}: {}", tls::shown(*file), what), {}});
  };
  const auto secret = tls::readSecret(tls::pathIn(folderOf(config), *file), kMost + 1);
  if (!secret) {
    const bool isNoError = isElsewhere && secret.error().isAbsent;
    tell(isNoError ? problems.warnings : problems.errors, secret.error().message);
    return {};
  }
  const std::string_view token = withoutNewline(secret.value().text());
  if (token.size() < kLeast || token.size() > kMost || !isVisible(token)) {
    tell(problems.errors,
         fmt::format("a token is {} to {} letters, digits and marks, without a space", kLeast,
                     kMost));
    return {};
  }
  if (secret.value().readableByAll)
    tell(problems.warnings, "everybody may read it; take that right away (chmod o-r)");
  return std::string(token);
}

admin::AdminAccess accessOf(const config::Admin& admin, const std::string& token) {
  admin::AdminAccess access;
  access.isRemote = admin.isRemote();
  access.token = token;
  for (const auto& host : admin.allowedHosts) access.hosts.push_back(*host);
  return access;
}

}  // namespace oxbow::server
