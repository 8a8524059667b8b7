#include "proxy/codec/http1/chunked.h"
#include "tests/fuzz/invariants.h"

// Chunked bodies: wherever the input is cut, the same data comes out and the same end is found;
// data is slices of the input; what is written of it is read as the same data; trailers name
// nothing that they must not.

namespace oxbow::fuzz {
namespace {

using namespace http1;
using Step = ChunkedDecoder::Step;

struct Body {
  std::string data;
  Step end = Step::NeedMore;
  size_t consumed = 0;
  std::string_view detail;
  ChunkedDecoder decoder;

  // Decodes one more piece of the input.
  void take(std::string_view piece) {
    if (end != Step::NeedMore) return;
    const ExactBytes bytes(piece);
    std::string_view rest = bytes.view();
    for (;;) {
      const ChunkedDecoder::Output output = decoder.decode(rest);
      ASSERT(output.consumed <= rest.size());
      consumed += output.consumed;
      if (output.step != Step::Data) {
        ASSERT(output.data.empty());
        ASSERT(output.step != Step::NeedMore || output.consumed == rest.size());
        end = output.step;
        detail = output.detail;
        return;
      }
      ASSERT(!output.data.empty());
      ASSERT(isInside(output.data, rest.substr(0, output.consumed)));
      data.append(output.data);
      rest.remove_prefix(output.consumed);
    }
  }

  bool operator==(const Body& other) const {
    return data == other.data && end == other.end && consumed == other.consumed &&
           detail == other.detail && decoder.chunkRemaining() == other.decoder.chunkRemaining() &&
           decoder.inProgress() == other.decoder.inProgress();
  }
};

void checkCuts(std::string_view input, const Body& whole) {
  for (size_t cut = 0; cut <= input.size(); cut += stepThrough(input.size())) {
    Body body;
    body.take(input.substr(0, cut));
    body.take(input.substr(cut));
    ASSERT(body == whole);
  }
  Body bytewise;
  for (size_t at = 0; at < input.size(); ++at) bytewise.take(input.substr(at, 1));
  ASSERT(bytewise == whole || input.empty());
}

void checkRewritten(const std::string& data) {
  char header[18];
  std::string wire;
  if (!data.empty()) {
    wire.assign(header, writeChunkHeader(header, data.size()));
    wire.append(data).append("\r\n");
  }
  wire.append(header, writeChunkHeader(header, 0));
  Body again;
  again.take(wire);
  ASSERT(again.end == Step::Trailers && again.data == data && again.consumed == wire.size());
}

void checkTrailers(std::string_view input) {
  http::Field fields[kMaxFields];
  http::FieldBlock trailers;
  const ParseResult result = parseTrailers(input, smallLimits(), fields, trailers);
  checkPrefixes(input, result, [](std::string_view part) {
    http::Field others[kMaxFields];
    http::FieldBlock block;
    return parseTrailers(part, smallLimits(), others, block);
  });
  if (result.status != ParseStatus::Done) return;
  checkBlock(trailers, input.substr(0, result.consumed));
  for (const http::Field* field = trailers.begin(); field != trailers.end_(); ++field)
    ASSERT(field->dropped() || field->name() == http::Name::Other);
}

}  // namespace
}  // namespace oxbow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = oxbow::fuzz::viewOf(data, size);
  oxbow::fuzz::Body body;
  body.take(input);
  oxbow::fuzz::checkCuts(input, body);
  if (body.end != oxbow::fuzz::Step::Trailers) return 0;
  oxbow::fuzz::checkRewritten(body.data);
  const oxbow::fuzz::ExactBytes rest(input.substr(body.consumed));
  oxbow::fuzz::checkTrailers(rest.view());
  return 0;
}
