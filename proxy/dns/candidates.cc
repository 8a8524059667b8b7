#include "proxy/dns/candidates.h"

#include <algorithm>
#include <cstddef>

namespace oxbow::dns {

namespace {

constexpr size_t kMaxName = 253;  // RFC 1035, section 2.3.4: 255 on the wire

std::string_view withoutLastDot(std::string_view name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

class List {
 public:
  void add(std::string name) {
    if (name.empty() || name.size() > kMaxName) return;
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (std::find(names_.begin(), names_.end(), name) == names_.end())
      names_.push_back(std::move(name));
  }
  std::vector<std::string> take() && { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::string> candidatesOf(std::string_view name, const std::vector<std::string>& search,
                                      uint32_t ndots) {
  List list;
  const std::string self(withoutLastDot(name));
  const bool isAbsolute = name.ends_with('.');
  const auto dots = static_cast<uint64_t>(std::count(self.begin(), self.end(), '.'));
  if (isAbsolute || dots >= ndots) list.add(self);
  if (isAbsolute || self.empty()) return std::move(list).take();
  for (const std::string& domain : search) {
    const std::string_view suffix = withoutLastDot(domain);
    list.add(suffix.empty() ? self : self + '.' + std::string(suffix));
  }
  list.add(self);
  return std::move(list).take();
}

}  // namespace oxbow::dns
