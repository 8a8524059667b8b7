#include "proxy/route/value_template.h"

#include <algorithm>
#include <cstring>

namespace oxbow::route {

ValueTemplate::ValueTemplate(std::string_view text) {
  constexpr std::pair<std::string_view, Kind> kNames[] = {{"$request_id", Kind::RequestId},
                                                          {"$remote_addr", Kind::RemoteAddr},
                                                          {"$host", Kind::Host},
                                                          {"$scheme", Kind::Scheme}};
  while (!text.empty()) {
    const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [text](const auto& n) {
      return text.substr(0, n.first.size()) == n.first;
    });
    if (name != std::end(kNames)) {
      parts_.push_back({name->second, {}});
      ++variables_;
      text.remove_prefix(name->first.size());
      continue;
    }
    const size_t end = std::min(text.find('$', 1), text.size());
    parts_.push_back({Kind::Literal, std::string(text.substr(0, end))});
    literal_ += end;
    text.remove_prefix(end);
  }
}

std::string_view ValueTemplate::valueOf(const Part& part, const Variables& variables) {
  switch (part.kind) {
    case Kind::Literal:
      return part.text;
    case Kind::RequestId:
      return variables.requestId;
    case Kind::RemoteAddr:
      return variables.remoteAddr;
    case Kind::Host:
      return variables.host;
    case Kind::Scheme:
      return variables.scheme;
  }
  return {};
}

size_t ValueTemplate::write(char* out, size_t capacity, const Variables& variables) const {
  size_t used = 0;
  for (const Part& part : parts_) {
    const std::string_view value = valueOf(part, variables);
    const size_t n = std::min(value.size(), capacity - used);
    if (n > 0) std::memcpy(out + used, value.data(), n);
    used += n;
  }
  return used;
}

}  // namespace oxbow::route
