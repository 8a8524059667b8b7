#pragma once

#include <vector>

#include "proxy/config/problem.h"
#include "proxy/config/yaml_tree.h"

namespace oxbow::config {

// Appends what is wrong inside the last of the keys that stand several times in one mapping, of
// which only the first was read. `problems` has those of the first reading, duplicate keys among
// them. REQUIRES: a mapping.
void readDuplicates(Node root, std::vector<Problem>& problems);

}  // namespace oxbow::config
