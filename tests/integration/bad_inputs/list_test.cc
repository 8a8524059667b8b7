// docs/bad-inputs.md and the tests name the same numbers.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

namespace oxbow::integration {

namespace {

const std::filesystem::path kRoot = OXBOW_SOURCE_ROOT;

std::string contentOf(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Adds the number that `text` begins with, such as "A.14", if it does with one.
void addNumber(std::string_view text, std::set<std::string>& numbers) {
  constexpr std::string_view kDigits = "0123456789";
  if (text.size() < 3 || text[0] < 'A' || text[0] > 'Z' || text[1] != '.') return;
  const size_t end = text.find_first_not_of(kDigits, 2);
  if (end > 2 && end != std::string_view::npos) numbers.emplace(text.substr(0, end));
}

// The numbers that stand in `text` behind `before` on the same line.
std::set<std::string> numbersBehind(std::string_view before, const std::string& text) {
  std::set<std::string> numbers;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const size_t at = line.find(before); at != std::string::npos)
      addNumber(std::string_view(line).substr(at + before.size()), numbers);
  return numbers;
}

}  // namespace

TEST_CASE("every line of docs/bad-inputs.md has a test, and every test a line") {
  const auto listed = numbersBehind("| ", contentOf(kRoot / "docs/bad-inputs.md"));
  std::set<std::string> tested;
  for (const char* folder : {"tests/integration/bad_inputs", "tests/unit/tls", "tests/e2e"}) {
    for (const auto& file : std::filesystem::directory_iterator(kRoot / folder)) {
      if (!file.is_regular_file()) continue;
      const std::string source = contentOf(file.path());
      for (const char* before : {"TEST_CASE(\"", ", \"", "test('", "test(`", "describe('"})
        tested.merge(numbersBehind(before, source));
    }
  }
  CHECK(listed.size() > 40);
  for (const std::string& number : listed) {
    CAPTURE(number);
    CHECK(tested.count(number) == 1);
  }
  for (const std::string& number : tested) {
    CAPTURE(number);
    CHECK(listed.count(number) == 1);
  }
}

}  // namespace oxbow::integration
