#include "proxy/demo/check_command.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/diff.h"
#include "proxy/config/loader.h"
#include "proxy/config/warnings.h"
#include "proxy/demo/print.h"
#include "proxy/server/admin_token.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/tls_contexts.h"

namespace oxbow::demo {

namespace {

std::string counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Certificates, keys, the token of the admin address and the like are read as well, where they are
// there: what cannot be used does not start either.
bool checkTls(const config::Config& config, const std::string& file, std::FILE* problems) {
  const SystemClock clock;
  server::TlsLoader loader(clock, true);
  server::TlsProblems found;
  (void)loader.load(config, server::listenerKeys(config), found);
  (void)server::loadAdminToken(config, found, true);
  for (const config::Problem& error : found.errors)
    print(problems, config::format(error, file) + '\n');
  for (const config::Problem& warning : found.warnings)
    print(problems, fmt::format("warning: {}\n", config::format(warning, file)));
  return found.errors.empty();
}

}  // namespace

std::optional<config::Config> loadOrComplain(const std::string& file, std::FILE* problems) {
  config::LoadResult loaded = config::loadFile(file);
  for (const config::Problem& problem : loaded.problems)
    print(problems, config::format(problem, file) + '\n');
  return std::move(loaded.config);
}

int checkCommand(const std::string& file, std::FILE* verdict, std::FILE* problems) {
  const auto config = loadOrComplain(file, problems);
  if (!config || !checkTls(*config, file, problems)) return 1;
  for (const config::Problem& warning : config::warnings(*config))
    print(problems, fmt::format("warning: {}\n", config::format(warning, file)));
  const std::string ok =
      fmt::format("{}: ok ({}, {})\n", file, counted(config->upstreams.size(), "upstream"),
                  counted(config->listeners.size(), "listener"));
  return printResult(verdict, ok, problems);
}

int diffCommand(const std::string& oldFile, const std::string& newFile, std::FILE* verdict,
                std::FILE* problems) {
  const auto before = loadOrComplain(oldFile, problems);
  const auto after = loadOrComplain(newFile, problems);
  if (!before || !after) return 1;
  const std::vector<config::Change> changes = config::diff(*before, *after);
  for (const config::Change& change : changes) fmt::print(verdict, "{}\n", config::format(change));
  fmt::print(verdict, "{}\n", config::summaryOf(changes));
  return 0;
}

}  // namespace oxbow::demo
