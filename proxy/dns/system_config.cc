#include "proxy/dns/system_config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "proxy/base/bytes.h"

namespace oxbow::dns {

namespace {

constexpr uint16_t kDnsPort = 53;
constexpr size_t kMaxName = 253;

// Nothing that a line may say begins like a comment.
bool beginsComment(std::string_view text) { return text.starts_with('#') || text.starts_with(';'); }

// Until a comment.
std::vector<std::string> wordsOf(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word && !beginsComment(word);) words.push_back(word);
  return words;
}

std::string lowered(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

// "search ." is the root: there, a name is looked up as it is in any case.
std::vector<std::string> searchOf(const std::vector<std::string>& words) {
  std::vector<std::string> domains;
  for (std::string domain : words) {
    if (domain.ends_with('.')) domain.pop_back();
    if (!domain.empty() && domain.size() <= kMaxName && domains.size() < SystemConfig::kMaxSearch)
      domains.push_back(lowered(std::move(domain)));
  }
  return domains;
}

void applyOptions(const std::vector<std::string>& words, SystemConfig& out) {
  constexpr std::string_view kNdots = "ndots:";
  for (const std::string& word : words) {
    if (!word.starts_with(kNdots)) continue;
    if (const auto dots = parseDecimal(std::string_view(word).substr(kNdots.size())))
      out.ndots = static_cast<uint32_t>(std::min<uint64_t>(*dots, SystemConfig::kMaxNdots));
  }
}

// A link-local address with its scope ("fe80::1%eth0") does not parse.
void addServer(const std::string& word, SystemConfig& out) {
  const auto address = SocketAddress::parseIp(word, kDnsPort);
  if (address && out.servers.size() < SystemConfig::kMaxServers)
    out.servers.push_back(address.value());
}

void applyLine(const std::string& line, SystemConfig& out) {
  if (line.starts_with(' ') || line.starts_with('\t')) return;  // "the keyword must start the line"
  std::vector<std::string> words = wordsOf(line);
  if (words.size() < 2) return;
  const std::string keyword = std::move(words.front());
  words.erase(words.begin());
  if (keyword == "nameserver") addServer(words.front(), out);
  if (keyword == "search") out.search = searchOf(words);
  if (keyword == "domain") out.search = searchOf({words.front()});
  if (keyword == "options") applyOptions(words, out);
}

// Empty when it cannot be read. A pipe would keep its reader waiting.
std::string contentsOf(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  std::ifstream in(path, std::ios::binary);
  std::string text(SystemConfig::kMaxText, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace

SystemConfig SystemConfig::parse(std::string_view text) {
  SystemConfig config;
  std::istringstream in(std::string(text.substr(0, kMaxText)));
  for (std::string line; std::getline(in, line);) applyLine(line, config);
  if (config.servers.empty())
    config.servers.push_back(SocketAddress::parseIp("127.0.0.1", kDnsPort).value());
  return config;
}

SystemConfig SystemConfig::read(const std::string& path, const Environment& environment) {
  SystemConfig config = parse(contentsOf(path));
  if (environment.localDomain != nullptr)
    config.search = searchOf(wordsOf(environment.localDomain));
  if (environment.resOptions != nullptr) applyOptions(wordsOf(environment.resOptions), config);
  return config;
}

}  // namespace oxbow::dns
