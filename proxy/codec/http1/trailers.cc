#include "proxy/codec/http1/control_fields.h"
#include "proxy/codec/http1/field_lines.h"
#include "proxy/codec/http1/parser.h"

namespace oxbow::http1 {

ParseResult parseTrailers(std::string_view bytes, const HeadLimits& limits, http::Field* storage,
                          http::FieldBlock& trailers) {
  const http::Input input{bytes.data(), bytes.data() + bytes.size()};
  constexpr uint64_t kNoNames = 0;
  bool underscore = false;
  const auto onField = [](http::Name, std::string_view, uint64_t) -> const Fault* {
    return nullptr;
  };
  const Progress progress =
      readFieldLines(input, input.begin, limits, storage, trailers, underscore, kNoNames, onField);
  if (progress.next == nullptr) return resultOf(progress);
  if (underscore && !limits.keepUnderscores) dropUnderscoreNames(trailers);
  for (http::Field* field = trailers.begin(); field != trailers.end_(); ++field)
    if (isControlField(field->name(), trailers.nameAt(*field))) trailers.drop(*field);
  ParseResult result;
  result.status = ParseStatus::Done;
  result.consumed = static_cast<uint32_t>(progress.next - input.begin);
  return result;
}

}  // namespace oxbow::http1
