#include "proxy/demo/print.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace oxbow::demo {

bool print(std::FILE* to, std::string_view text) {
  const bool taken = std::fwrite(text.data(), 1, text.size(), to) == text.size();
  return taken && std::fflush(to) == 0;
}

int printResult(std::FILE* to, std::string_view text, std::FILE* problems) {
  if (print(to, text)) return 0;
  print(problems, fmt::format("cannot write to standard output: {}\n", std::strerror(errno)));
  return 1;
}

}  // namespace oxbow::demo
