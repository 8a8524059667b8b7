#pragma once

#include <cstdio>
#include <string_view>

// What the commands print. An output may be closed, full or left by its reader at any time; that is
// no reason to throw.

namespace oxbow::demo {

// Writes the text, and not only into a buffer. False when it did not get out; errno tells why.
// REQUIRES: SIGPIPE is ignored.
bool print(std::FILE* to, std::string_view text);

// Prints what a command was asked for, and returns its exit status: 0, or 1 with the reason on
// `problems` when it did not get out.
int printResult(std::FILE* to, std::string_view text, std::FILE* problems);

}  // namespace oxbow::demo
