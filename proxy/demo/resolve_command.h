#pragma once

#include <cstdio>
#include <string>

namespace oxbow::demo {

// `oxbow resolve`: looks up what `name` stands for in the configuration of `file` (an upstream, a
// server of one, its host, or any other name), and says what oxbow would use and why. 0 when there
// is an address to use, 1 when there is none or the file is wrong.
int resolveCommand(const std::string& file, const std::string& name, std::FILE* result,
                   std::FILE* problems);

}  // namespace oxbow::demo
