#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "proxy/config/config.h"

namespace oxbow::demo {

// Loads a file and prints every problem to `problems`, a line each. Nothing when there is one.
std::optional<config::Config> loadOrComplain(const std::string& file, std::FILE* problems);

// `oxbow check`: says what is wrong with a file, or unwise in it, on `problems`, and that it is
// right on `verdict`. Returns the exit status: 0 when the file can be used, else 1.
int checkCommand(const std::string& file, std::FILE* verdict, std::FILE* problems);

// `oxbow check --diff`: what a reload of `newFile` would change where `oldFile` runs, a line each
// and their number on `verdict`; or what is wrong with either on `problems`. Returns the exit
// status: 0 when both files can be used, else 1.
int diffCommand(const std::string& oldFile, const std::string& newFile, std::FILE* verdict,
                std::FILE* problems);

}  // namespace oxbow::demo
