#include "proxy/demo/run_command.h"

#include <utility>

#include "proxy/demo/check_command.h"
#include "proxy/demo/run_server.h"

namespace oxbow::demo {

int runCommand(const std::string& file, bool withOrigin) {
  auto config = loadOrComplain(file, stderr);
  if (!config) return 1;
  if (!withOrigin) return runServer(std::move(*config));
  OriginOptions origin;
  origin.address = SocketAddress::parse(kOriginAddress).value();
  return runServer(std::move(*config), origin);
}

}  // namespace oxbow::demo
