#include "proxy/dns/hosts_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "proxy/dns/reply.h"

namespace oxbow::dns {

namespace {

constexpr size_t kMaxName = 253;  // RFC 1035, section 2.3.4, in this form

std::string keyOf(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string key(name);
  for (char& c : key)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return key;
}

// Whole lines only.
std::string_view cutTo(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  text = text.substr(0, most);
  return text.substr(0, text.rfind('\n') + 1);
}

// Take what comes next off the front.
std::string_view takeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line.substr(0, line.find('#'));
}

std::string_view takeWord(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

// A pipe would keep its reader waiting.
bool isFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

HostsFile HostsFile::parse(std::string_view text) {
  HostsFile file;
  size_t names = 0;
  text = cutTo(text, kMaxText);
  while (!text.empty()) {
    std::string_view line = takeLine(text);
    // With a scope ("fe80::1%eth0") it is an address of this machine's links, and none of a server.
    const auto address = SocketAddress::parseIp(takeWord(line), 0);
    if (!address) continue;
    for (auto name = takeWord(line); !name.empty(); name = takeWord(line)) {
      if (++names > kMaxNames) return file;
      file.add(name, address.value());
    }
  }
  return file;
}

void HostsFile::add(std::string_view name, const SocketAddress& address) {
  const std::string key = keyOf(name);
  if (key.empty() || key.size() > kMaxName) return;
  std::vector<SocketAddress>& known = addresses_[key];
  if (known.size() < kMaxAddresses && std::find(known.begin(), known.end(), address) == known.end())
    known.push_back(address);
}

HostsFile HostsFile::read(const std::string& path) {
  if (!isFile(path)) return {};
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxText + 1, '\0');  // one more tells that it goes on
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return parse(text);
}

const std::vector<SocketAddress>* HostsFile::find(std::string_view name) const {
  const auto found = addresses_.find(keyOf(name));
  return found == addresses_.end() ? nullptr : &found->second;
}

}  // namespace oxbow::dns
