#include "proxy/demo/run_command.h"

#include <utility>

#include "proxy/demo/check_command.h"

namespace oxbow::demo {

int runCommand(const std::string& file, const RunOptions& options) {
  auto config = loadOrComplain(file, stderr);
  if (!config) return 1;
  return runServer(std::move(*config), options);
}

}  // namespace oxbow::demo
