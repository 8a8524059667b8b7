#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The chunked transfer coding (RFC 9112, section 7.1).

namespace oxbow::http1 {

// Decodes a chunked body piece by piece, keeping only a few integers between pieces.
class ChunkedDecoder {
 public:
  enum class Step : uint8_t {
    Data,      // `data` is a slice of chunk data in the input
    NeedMore,  // the input is used up
    Trailers,  // the last chunk is over; the trailer section begins at `consumed`
    Error,
  };
  struct Output {
    Step step = Step::NeedMore;
    size_t consumed = 0;  // bytes of the input that were used, data included
    std::string_view data;
    const char* detail = "";
  };

  // Takes one step at the front of `input`. Extensions over 4 KiB in total are an error; their
  // syntax is checked (RFC 9112, 7.1.1, white space around ';' and '=' included) and they are
  // dropped. Sizes have at most 16 hex digits. Trailers and Error are final: they come again until
  // reset().
  Output decode(std::string_view input);

  // Whether anything was taken since the last reset.
  bool inProgress() const { return state_ != State::Size || started_; }
  // Bytes of the current chunk's data that are still to come; 0 outside of chunk data.
  uint64_t chunkRemaining() const { return state_ == State::Data ? remaining_ : 0; }
  void reset() { *this = ChunkedDecoder(); }

 private:
  enum class State : uint8_t {
    Size,             // hex digits
    BeforeExtension,  // in white space behind a size or a value: ';' must follow
    ExtensionStart,   // behind ';': the first byte of a name must follow
    ExtensionName,
    NameEnd,     // in white space behind a name: '=' or ';' must follow
    ValueStart,  // behind '=': a token or a quoted string must follow
    ValueToken,
    ValueQuoted,
    ValueEscape,     // behind a backslash in a quoted string
    ValueQuotedEnd,  // behind the closing quote
    SizeLf,          // behind the CR of the size line
    Data,
    DataCr,
    DataLf,
    Done,  // behind the size line of the last chunk
    Failed,
  };

  Output takeData(std::string_view input, size_t at);
  // Takes what mostly comes whole, CRLF behind data or a size line without extensions, and returns
  // its bytes; 0 when it is something else.
  size_t takePlainLine(std::string_view input);
  size_t takePlainSize(std::string_view input);
  // Each takes one byte and returns what is wrong with it, or null.
  const char* takeByte(char byte);
  const char* takeSizeByte(char byte);
  const char* takeExtensionByte(char byte);
  const char* endName(char byte);
  const char* endExtension(char byte);
  const char* endSize(char byte);
  void beginData();

  State state_ = State::Size;
  bool started_ = false;
  uint8_t digits_ = 0;           // of this size line
  uint16_t extensionBytes_ = 0;  // of all chunks
  uint64_t remaining_ = 0;       // size of the chunk while its digits come, then what is left of it
  uint64_t total_ = 0;           // data of all chunks: at most 2^63 - 1
};

// Writes the "SIZE CRLF" before chunk data of `size` bytes; returns the end. `out` has room for 18.
char* writeChunkHeader(char* out, uint64_t size);

}  // namespace oxbow::http1
