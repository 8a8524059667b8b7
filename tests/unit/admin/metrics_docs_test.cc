#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "proxy/admin/admin_handler.h"
#include "tests/unit/admin/promtool.h"
#include "tests/unit/admin/support.h"

// docs/metrics.md is held against the text, both ways: names, types, labels, and the values of the
// labels that have a fixed set of them.

using namespace oxbow::admin;

namespace {

using Row = std::vector<std::string>;
using Values = std::map<std::string, std::set<std::string>>;  // by "metric: label"

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Row cellsOf(const std::string& line) {
  Row cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) cells.push_back(trimmed(cell));
  return cells;
}

// What stands between backquotes.
std::vector<std::string> codesIn(const std::string& text) {
  std::vector<std::string> codes;
  size_t at = 0;
  while ((at = text.find('`', at)) != std::string::npos) {
    const size_t end = text.find('`', at + 1);
    REQUIRE(end != std::string::npos);
    codes.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return codes;
}

// "`a`, `b`: `reason`" is {"a: reason", "b: reason"}.
std::vector<std::string> subjectsOf(const std::string& heading) {
  std::vector<std::string> codes = codesIn(heading);
  REQUIRE(codes.size() >= 2);
  const std::string label = codes.back();
  codes.pop_back();
  for (std::string& metric : codes) metric += ": " + label;
  return codes;
}

struct Documented {
  std::map<std::string, std::string> types;             // by metric
  std::map<std::string, std::set<std::string>> labels;  // by metric
  Values values;

  Documented() {
    std::ifstream in(OXBOW_SOURCE_ROOT "/docs/metrics.md");
    REQUIRE(in.good());
    for (std::string line; std::getline(in, line);) readLine(line);
  }

 private:
  enum class Table { None, OfMetrics, OfValues };

  void readLine(const std::string& line) {
    if (line.rfind("#", 0) == 0) heading_ = line;
    if (line.rfind("|", 0) != 0) {
      table_ = Table::None;
    } else if (table_ == Table::None) {
      const Row header = cellsOf(line);
      if (header == Row{"Metric", "Type", "Labels", "Meaning"}) table_ = Table::OfMetrics;
      if (header == Row{"Value", "Meaning"}) table_ = Table::OfValues;
      INFO(line);
      REQUIRE(table_ != Table::None);
    } else if (line.rfind("| ---", 0) != 0) {
      readRow(cellsOf(line));
    }
  }

  void readRow(const Row& row) {
    const std::vector<std::string> names = codesIn(row.at(0));
    INFO(row.at(0));
    REQUIRE(names.size() == 1);
    if (table_ == Table::OfValues) {
      for (const std::string& subject : subjectsOf(heading_))
        CHECK(values[subject].insert(names[0]).second);
      return;
    }
    CHECK(types.emplace(names[0], row.at(1)).second);
    const std::vector<std::string> of = codesIn(row.at(2));
    labels[names[0]] = std::set<std::string>(of.begin(), of.end());
    CHECK(row.at(3) != "");
  }

  std::string heading_;
  Table table_ = Table::None;
};

// The YAML blocks of a page.
std::string yamlOf(const std::string& page) {
  std::ifstream in(OXBOW_SOURCE_ROOT "/docs/" + page);
  REQUIRE(in.good());
  std::string yaml;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("```", 0) == 0)
      inside = line == "```yaml";
    else if (inside)
      yaml += line + "\n";
  }
  return yaml;
}

// What looks like a metric of ours in a text.
std::set<std::string> metricsNamedIn(const std::string& text) {
  std::set<std::string> names;
  const std::regex pattern("\\b(oxbow|process)_[a-z_]+\\b");
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    names.insert(at->str());
  return names;
}

bool isNameOfSomething(const std::string& label) {
  return label == "upstream" || label == "endpoint" || label == "listener" || label == "worker" ||
         label == "loop" || label == "version" || label == "file";
}

std::set<std::string> keysOf(const std::map<std::string, std::string>& map) {
  std::set<std::string> keys;
  for (const auto& item : map) keys.insert(item.first);
  return keys;
}

// The labels of each family's samples, which must agree; without those of buckets.
std::map<std::string, std::set<std::string>> labelsIn(const Exposition& metrics) {
  std::map<std::string, std::set<std::string>> labels;
  for (const auto& item : metrics.families) {
    const std::string& family = item.first;
    INFO(family);
    REQUIRE(!item.second.empty());  // else the report that is used here shows too little
    for (const Sample& sample : item.second) {
      std::set<std::string> names = keysOf(sample.labels);
      names.erase("le");
      CHECK(labels.emplace(family, names).first->second == names);
    }
  }
  return labels;
}

Values valuesIn(const Exposition& metrics) {
  Values values;
  for (const auto& [family, labels] : labelsIn(metrics))
    for (const std::string& label : labels)
      if (!isNameOfSomething(label))
        values[family + ": " + label] = metrics.valuesOfLabel(family, label);
  return values;
}

std::string lines(const std::set<std::string>& set) {
  std::string text;
  for (const std::string& each : set) text += each + "\n";
  return text;
}

}  // namespace

TEST_CASE("every metric is documented with its type, and nothing else is") {
  const Documented documented;
  const Exposition metrics(metricsText(busyServer()));
  CHECK(lines(keysOf(documented.types)) == lines(keysOf(metrics.types)));
  for (const auto& item : metrics.types) {
    const std::string& family = item.first;
    INFO(family);
    const auto found = documented.types.find(family);
    CHECK((found == documented.types.end() ? "" : found->second) == item.second);
  }
}

TEST_CASE("every metric is documented with its labels, and no others") {
  const Documented documented;
  for (const auto& item : labelsIn(Exposition(metricsText(busyServer())))) {
    const std::string& family = item.first;
    INFO(family);
    const auto found = documented.labels.find(family);
    CHECK(lines(found == documented.labels.end() ? std::set<std::string>() : found->second) ==
          lines(item.second));
  }
}

TEST_CASE("every value of a label with a fixed set of values is documented, and no others") {
  const Documented documented;
  const Values values = valuesIn(Exposition(metricsText(busyServer())));
  CHECK(values.size() == documented.values.size());
  for (const auto& item : values) {
    const std::string& subject = item.first;
    INFO(subject);
    const auto found = documented.values.find(subject);
    CHECK(lines(found == documented.values.end() ? std::set<std::string>() : found->second) ==
          lines(item.second));
  }
}

TEST_CASE("the alarms of operations.md are rules, and of metrics that there are") {
  const std::string rules = yamlOf("operations.md");
  REQUIRE(rules.find("alert: ") != std::string::npos);
  const Complaint complaint = checkRules(rules);
  INFO(complaint.text);
  CHECK(complaint.exitCode == 0);
  const Documented documented;
  for (const std::string& name : metricsNamedIn(rules)) {
    INFO(name);
    std::string family = name;
    for (const std::string suffix : {"_bucket", "_sum", "_count"})
      if (documented.types.count(name) == 0 && name.ends_with(suffix))
        family = name.substr(0, name.size() - suffix.size());
    CHECK(documented.types.count(family) == 1);
  }
}

TEST_CASE("every alarm of operations.md is explained, and no other") {
  std::ifstream in(OXBOW_SOURCE_ROOT "/docs/operations.md");
  std::set<std::string> alarms, explained;
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.find("- alert: ");
    if (at != std::string::npos)
      alarms.insert(line.substr(at + 9, line.find(' ', at + 9) - at - 9));
    if (line.rfind("| `Oxbow", 0) != 0) continue;
    for (const std::string& name : codesIn(cellsOf(line).at(0))) explained.insert(name);
  }
  CHECK(alarms.size() > 10);
  CHECK(lines(alarms) == lines(explained));
}
