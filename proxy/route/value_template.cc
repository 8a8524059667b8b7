#include "proxy/route/value_template.h"

#include <algorithm>

#include "proxy/base/bytes.h"

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

size_t ValueTemplate::size(const Variables& variables) const {
  size_t sum = literal_;
  for (const Part& part : parts_)
    if (part.kind != Kind::Literal) sum += valueOf(part, variables).size();
  return sum;
}

char* ValueTemplate::write(char* out, const Variables& variables) const {
  for (const Part& part : parts_) out = append(out, valueOf(part, variables));
  return out;
}

}  // namespace oxbow::route
