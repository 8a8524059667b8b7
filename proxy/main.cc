#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "proxy/base/version.h"
#include "proxy/config/problem.h"
#include "proxy/config/units.h"
#include "proxy/demo/check_command.h"
#include "proxy/demo/demo_command.h"
#include "proxy/demo/descriptors.h"
#include "proxy/demo/origin_command.h"
#include "proxy/demo/print.h"
#include "proxy/demo/proxy_command.h"
#include "proxy/demo/resolve_command.h"
#include "proxy/demo/run_command.h"
#include "proxy/top/top_command.h"

// The command line: what each command is called with. docs/cli.md tells the same in more words.

namespace {

using namespace oxbow;

constexpr int kUsageError = 2;
constexpr Duration kLeastInterval = std::chrono::milliseconds(100);

using Command = std::function<int()>;  // returns the exit status

std::string versionText() { return "oxbow " + std::string(kVersion); }

CLI::App* add(CLI::App& app, const std::string& name, const std::string& what,
              const std::string& example) {
  CLI::App* command = app.add_subcommand(name, what);
  command->footer("Example:\n  " + example);
  return command;
}

std::string checkListenAddress(const std::string& text) {
  const auto address = SocketAddress::parse(text);
  return address.ok() ? "" : address.error();
}

std::string checkDuration(const std::string& text) {
  const auto duration = config::parseDuration(text);
  if (duration.ok()) return "";
  const auto& [message, suggestion] = duration.error();
  return suggestion.empty() ? message : message + "; did you mean " + suggestion + "?";
}

// The library would read 010 as 8 and take 0x10.
std::string checkDecimal(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && (text == "0" || text.front() != '0')) return "";
  return config::quoted(text) + " is no whole number";
}

void addRun(CLI::App& app, Command& chosen) {
  struct Options {
    std::string file;
    bool withOrigin = false;
    demo::RunOptions run;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* run = add(app, "run", "Run the proxy that a configuration file describes",
                      "oxbow run -c conf/oxbow.yaml");
  run->add_option("-c,--config", options->file, "The configuration file")
      ->required()
      ->type_name("FILE");
  run->add_flag("--with-origin", options->withOrigin,
                "Run the embedded origin too, on " + std::string(demo::kOriginAddress));
  run->add_flag(
      "--tls-keylog", options->run.logTlsKeys,
      "Write the secrets of TLS connections to the file SSLKEYLOGFILE, to look into them");
  run->add_flag("--core-dumps", options->run.coreDumps,
                "Allow cores even though TLS keeps secrets in memory");
  run->callback([&chosen, options] {
    if (options->withOrigin) {
      options->run.origin.emplace();
      options->run.origin->address = SocketAddress::parse(demo::kOriginAddress).value();
    }
    chosen = [options] { return demo::runCommand(options->file, options->run); };
  });
}

void addCheck(CLI::App& app, Command& chosen) {
  struct Options {
    std::string file;
    std::pair<std::string, std::string> files;  // the old one and the new one
  };
  const auto options = std::make_shared<Options>();
  CLI::App* check = add(app, "check", "Say everything that is wrong with a configuration file",
                        "oxbow check -c conf/oxbow.yaml\n  oxbow check --diff old.yaml new.yaml");
  CLI::Option* file =
      check->add_option("-c,--config", options->file, "The configuration file")->type_name("FILE");
  CLI::Option* diff =
      check->add_option("--diff", options->files, "Say what a reload of NEW changes in OLD instead")
          ->type_name("OLD NEW")
          ->excludes(file);
  check->callback([&chosen, options, diff, file] {
    if (diff->count() == 0 && file->count() == 0) throw CLI::RequiredError("--config or --diff");
    chosen = [options, isDiff = diff->count() > 0] {
      const auto& [before, after] = options->files;
      return isDiff ? demo::diffCommand(before, after, stdout, stderr)
                    : demo::checkCommand(options->file, stdout, stderr);
    };
  });
}

void addResolve(CLI::App& app, Command& chosen) {
  struct Options {
    std::string file;
    std::string name;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* resolve =
      add(app, "resolve", "Look up a name, and say what oxbow would use of it and why",
          "oxbow resolve -c conf/oxbow.yaml api.internal");
  resolve->add_option("-c,--config", options->file, "The configuration file")
      ->required()
      ->type_name("FILE");
  resolve->add_option("name", options->name, "An upstream, a server of one, or any name of a host")
      ->required()
      ->type_name("NAME");
  resolve->callback([&chosen, options] {
    chosen = [options] {
      return demo::resolveCommand(options->file, options->name, stdout, stderr);
    };
  });
}

void addOrigin(CLI::App& app, Command& chosen) {
  struct Options {
    std::string listen{demo::kOriginAddress};
    std::string idleClose;
    demo::OriginOptions origin;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* origin = add(app, "origin", "Run a small HTTP server to put a proxy in front of",
                         "oxbow origin --listen 127.0.0.1:3000 --idle-close 5s");
  origin->add_option("--listen", options->listen, "The address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->check(checkListenAddress);
  origin
      ->add_option("--close-after", options->origin.closeAfter,
                   "Close a connection after N requests")
      ->type_name("N")
      ->check(checkDecimal)
      ->check(CLI::Range(1, 1000000000));
  origin->add_option("--idle-close", options->idleClose, "Close a connection idle for so long")
      ->type_name("DURATION")
      ->check(checkDuration);
  origin->add_flag("--keep-alive-hint", options->origin.keepAliveHint,
                   "Tell clients of that in Keep-Alive: timeout=");
  origin->callback([&chosen, options] {
    options->origin.address = SocketAddress::parse(options->listen).value();
    if (!options->idleClose.empty())
      options->origin.idleClose = config::parseDuration(options->idleClose).value();
    chosen = [options] { return demo::originCommand(options->origin); };
  });
}

void addProxy(CLI::App& app, Command& chosen) {
  struct Options {
    std::string from = "127.0.0.1:8080";
    std::string to;
    bool insecure = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* proxy = add(app, "proxy", "Run a proxy in front of one server, without a file",
                        "oxbow proxy --from 127.0.0.1:8080 --to http://127.0.0.1:3000");
  proxy->add_option("--from", options->from, "The address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  proxy->add_option("--to", options->to, "The server: http://HOST:PORT or https://HOST:PORT")
      ->required()
      ->type_name("URL");
  proxy->add_flag("--insecure", options->insecure,
                  "With https: take any certificate of the server");
  proxy->callback([&chosen, options] {
    chosen = [options] {
      return demo::proxyCommand(options->from, options->to, options->insecure);
    };
  });
}

void addDemo(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<demo::DemoOptions>();
  CLI::App* demo = add(app, "demo", "Measure what a pool is worth, here and now",
                       "oxbow demo --seconds 5 --clients 100");
  demo->add_option("--seconds", options->seconds, "How long each of the two runs takes")
      ->capture_default_str()
      ->check(checkDecimal)
      ->check(CLI::Range(1, 60));
  demo->add_option("--clients", options->clients, "Connections that ask all the time")
      ->capture_default_str()
      ->check(checkDecimal)
      ->check(CLI::Range(1, 1000));
  demo->callback(
      [&chosen, options] { chosen = [options] { return demo::demoCommand(*options); }; });
}

std::string checkInterval(const std::string& text) {
  if (std::string wrong = checkDuration(text); !wrong.empty()) return wrong;
  const bool fits = config::parseDuration(text).value() >= kLeastInterval;
  return fits ? "" : config::quoted(text) + " is less than 100ms";
}

void addTop(CLI::App& app, Command& chosen) {
  struct Options {
    std::string interval = "2s";
    top::TopOptions top;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* top = add(app, "top", "Show what a running oxbow does, in this terminal",
                      "oxbow top --admin 127.0.0.1:9901");
  top->add_option("--admin", options->top.admin, "Its admin address: HOST:PORT or unix:/path")
      ->type_name("ADDRESS")
      ->capture_default_str();
  top->add_option("--interval", options->interval, "The time between two looks")
      ->type_name("DURATION")
      ->capture_default_str()
      ->check(checkInterval);
  top->add_flag("--once", options->top.once, "Print one frame as plain text instead");
  top->add_option("--token-file", options->top.tokenFile, "A file with the token that it wants")
      ->type_name("FILE");
  top->callback([&chosen, options] {
    options->top.interval = config::parseDuration(options->interval).value();
    chosen = [options] { return top::topCommand(options->top, stdout, stderr); };
  });
}

void addVersion(CLI::App& app, Command& chosen) {
  CLI::App* version = add(app, "version", "Print the version", "oxbow version");
  version->callback([&chosen] {
    chosen = [] { return demo::printResult(stdout, versionText() + '\n', stderr); };
  });
}

// --help and --version come as errors too, of status 0.
int endParsing(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream wanted, wrong;
  if (app.exit(error, wanted, wrong) == 0) return demo::printResult(stdout, wanted.str(), stderr);
  demo::print(stderr, wrong.str());
  return kUsageError;
}

}  // namespace

int main(int argc, char** argv) {
  demo::openStandardDescriptors();
  // A reader of the log or of what is printed may leave; the process does not end of that.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("A reverse proxy that pools connections.", "oxbow");
  app.footer("Example:\n  oxbow run -c conf/oxbow.yaml\n\noxbow COMMAND --help tells more.");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", versionText());
  Command chosen;
  addRun(app, chosen);
  addCheck(app, chosen);
  addResolve(app, chosen);
  addOrigin(app, chosen);
  addProxy(app, chosen);
  addDemo(app, chosen);
  addTop(app, chosen);
  addVersion(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return endParsing(app, error);
  }
  if (chosen) return chosen();
  demo::print(stderr, app.help());
  return kUsageError;
}
