#include <CLI/CLI.hpp>

#include <cstdio>

#include "proxy/config/loader.h"
#include "proxy/log/log.h"
#include "proxy/server/server.h"

int main(int argc, char** argv) {
  CLI::App app{"oxbow"};
  app.require_subcommand(1);
  std::string file;
  auto* run = app.add_subcommand("run");
  run->add_option("-c", file)->required();
  CLI11_PARSE(app, argc, argv);
  auto loaded = oxbow::config::loadFile(file);
  for (const auto& problem : loaded.problems)
    std::fprintf(stderr, "%s\n", oxbow::config::format(problem, file).c_str());
  if (!loaded.config) return 1;
  oxbow::log::init(oxbow::log::Level::Info);
  {
    oxbow::server::Server server(std::move(*loaded.config));
    if (auto error = server.start()) {
      std::fprintf(stderr, "oxbow: %s\n", error->c_str());
      return 1;
    }
    server.handleSignals();
    server.run();
  }
  oxbow::log::shutdown();
}
