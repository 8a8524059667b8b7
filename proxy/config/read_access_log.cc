#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/log_target.h"
#include "proxy/config/suggest.h"
#include "proxy/log/access_key.h"

namespace oxbow::config {

namespace {

void readPath(BlockReader& in, Located<std::string>& out) {
  in.read("path", out);
  if (out.isDefault()) return;
  if (hasControl(*out)) return in.fail("path", "has a control character");
  const auto target = parseLogTarget(*out);
  if (!target) in.fail("path", target.error().message, target.error().suggestion);
}

void readKeys(const Node& node, BlockReader& in, AccessLog& out) {
  in.read("keys", out.keys);
  const Node* value = node.find("keys");
  if (value == nullptr || value->isNull()) return;
  if (value->isList() && value->children.empty())
    return in.fail("keys", "is an empty list; leave it out for all");
  static const std::vector<std::string_view> names(log::kAccessKeyNames.begin(),
                                                   log::kAccessKeyNames.end());
  ItemPaths paths(value, in.pathOf("keys"));
  std::unordered_set<std::string> seen;
  for (const Located<std::string>& key : out.keys) {
    const std::string path = paths.next();
    if (!log::accessKeyOf(*key))
      in.problems().push_back({key.place, path, fmt::format("there is no field {}", quoted(*key)),
                               suggest(*key, names)});
    else if (!seen.insert(*key).second)
      in.problems().push_back({key.place, path, "stands in this list twice", {}});
  }
  if (*out.format == LogFormat::Combined)
    in.fail("keys", "the format combined has its own; remove one of them");
}

void readSample(BlockReader& in, Located<uint32_t>& out) {
  const Node* value = in.take("sample");
  if (value == nullptr) return;
  if (!value->isScalar())
    return in.fail("sample", fmt::format("expected a number, got {}", kindName(value->kind)));
  const auto share = parseShare(value->text);
  if (!share) return in.fail("sample", share.error().message, share.error().suggestion);
  out = {share.value(), value->place};
}

// `on` is what HTTP calls an error.
void readErrors(BlockReader& in, Located<uint32_t>& out) {
  constexpr uint32_t kLowest = 400;
  constexpr uint64_t kHighest = 599;
  const Node* value = in.take("errors");
  if (value == nullptr) return;
  if (!value->isScalar())
    return in.fail("errors",
                   fmt::format("expected on, off or a status, got {}", kindName(value->kind)));
  const auto word = parseBoolean(value->text);
  const auto status = parseCount(value->text);
  if (!word && !status)
    return in.fail("errors", fmt::format("{} is neither on, off nor a status", quoted(value->text)),
                   suggest(value->text, {"on", "off"}));
  if (!word && (status.value() < kLowest || status.value() > kHighest))
    return in.fail("errors", fmt::format("must be between {} and {}", kLowest, kHighest));
  if (word)
    out = {word.value() ? kLowest : 0, value->place};
  else
    out = {static_cast<uint32_t>(status.value()), value->place};
}

}  // namespace

void readAccessLog(BlockReader& in, AccessLog& out) {
  const Node* node = in.take("access_log");
  if (node == nullptr) return;
  if (node->isMapping()) {
    out.enabled = {true, node->place};
    BlockReader log(*node, schema::accessLog(), in.pathOf("access_log"), in.problems());
    readPath(log, out.path);
    log.read("format", out.format);
    readKeys(*node, log, out);
    readSample(log, out.sample);
    readErrors(log, out.errors);
    log.read("slow", out.slow);
    return log.finish();
  }
  const auto word = node->isScalar() ? parseBoolean(node->text) : Fault{};
  if (!word || word.value())
    return in.fail("access_log", "write off, or { path: stdout, format: json }");
  out.enabled = {false, node->place};
}

}  // namespace oxbow::config
