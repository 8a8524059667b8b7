#include "proxy/codec/http1/chunked.h"

#include <string>

#include "tests/unit/codec/parsing.h"

// Part B of the bad inputs (the numbers), as far as the decoder decides it.

namespace oxbow::http1 {
namespace {

using namespace std::string_literals;
using Step = ChunkedDecoder::Step;

struct Decoded {
  std::string data;
  Step end = Step::NeedMore;  // of the last step
  size_t consumed = 0;
  std::string detail;
};

// Decodes `text`, given in pieces of `piece` bytes.
Decoded decode(std::string_view text, size_t piece = std::string_view::npos) {
  Decoded decoded;
  ChunkedDecoder decoder;
  while (decoded.consumed < text.size()) {
    const ExactBytes input(text.substr(decoded.consumed, piece));
    size_t at = 0;
    ChunkedDecoder::Output output;
    do {
      output = decoder.decode(input.view().substr(at));
      at += output.consumed;
      decoded.data.append(output.data);
    } while (output.step == Step::Data);
    decoded.consumed += at;
    decoded.end = output.step;
    decoded.detail = output.detail;
    if (output.step != Step::NeedMore) break;
    REQUIRE(at == input.view().size());
  }
  return decoded;
}

void checkRefused(const std::string& text) {
  CAPTURE(escaped(text));
  for (const size_t piece : {std::string_view::npos, size_t{1}, size_t{3}}) {
    const Decoded decoded = decode(text, piece);
    CHECK(decoded.end == Step::Error);
    CHECK(decoded.detail != "");
  }
}

TEST_CASE("chunks in pieces of every size") {
  const std::string text = "4\r\nWiki\r\n0005\r\npedia\r\nE;a;b=c;d=\"e;\\\"\r\"\r\n"s;
  const std::string good =
      "4\r\nWiki\r\n0005\r\npedia\r\nd;a;b=c;d=\"e;\\\" \t\"\r\n in\r\n\r\nchunks\r\n0\r\nX: "
      "y\r\n\r\n";
  const size_t trailers = good.size() - std::strlen("X: y\r\n\r\n");
  for (size_t piece = 1; piece <= good.size(); ++piece) {
    CAPTURE(piece);
    const Decoded decoded = decode(good, piece);
    CHECK(decoded.end == Step::Trailers);
    CHECK(decoded.data == "Wikipedia in\r\n\r\nchunks");
    CHECK(decoded.consumed == trailers);
  }
  checkRefused(text);  // a CR is no part of a quoted string
}

TEST_CASE("the last chunk") {
  for (const char* last : {"0\r\n", "000\r\n", "0000000000000000\r\n", "0;a=b\r\n"}) {
    CAPTURE(last);
    const Decoded decoded = decode(last + "\r\nGET"s);
    CHECK(decoded.end == Step::Trailers);
    CHECK(decoded.consumed == std::strlen(last));
    CHECK(decoded.data == "");
  }
}

TEST_CASE("data is a slice of the input") {
  ChunkedDecoder decoder;
  const std::string input = "a\r\n01234";
  const ChunkedDecoder::Output first = decoder.decode(input);
  CHECK(first.step == Step::Data);
  CHECK(first.consumed == input.size());
  CHECK(first.data.data() == input.data() + 3);
  CHECK(first.data == "01234");
  CHECK(decoder.chunkRemaining() == 5);
  const ChunkedDecoder::Output second = decoder.decode("56789\r\n");
  CHECK(second.data == "56789");
  CHECK(second.consumed == 5);
  CHECK(decoder.chunkRemaining() == 0);
}

TEST_CASE("what a decoder tells of itself") {
  ChunkedDecoder decoder;
  CHECK_FALSE(decoder.inProgress());
  CHECK(decoder.decode("").step == Step::NeedMore);
  CHECK_FALSE(decoder.inProgress());
  CHECK(decoder.decode("1").step == Step::NeedMore);
  CHECK(decoder.inProgress());
  CHECK(decoder.chunkRemaining() == 0);  // the size may have more digits
  CHECK(decoder.decode("\r\n").step == Step::NeedMore);
  CHECK(decoder.chunkRemaining() == 1);
  CHECK(decoder.decode("x\r\n").data == "x");
  CHECK(decoder.decode("\r\n0\r\n").step == Step::Trailers);
  CHECK(decoder.decode("A: b").step == Step::Trailers);  // and stays there
  CHECK(decoder.decode("A: b").consumed == 0);
  CHECK(decoder.inProgress());
  decoder.reset();
  CHECK_FALSE(decoder.inProgress());
  CHECK(decoder.decode("x").step == Step::Error);
  CHECK(decoder.decode("1\r\n").step == Step::Error);  // and stays there
}

TEST_CASE("B1: sizes that are none") {
  for (const char* size : {"0x5",
                           "+5",
                           "-0",
                           "5 ",
                           " 5",
                           "5     ",
                           "5;",
                           "",
                           "g",
                           "5g",
                           "\t5",
                           "5\t",
                           "5,",
                           "5.0",
                           "\"5\"",
                           "10000000000000002",
                           "00000000000000005",
                           "FFFFFFFFFFFFFFFF",
                           "8000000000000000",
                           "-1",
                           "5\x0b",
                           "\xef\xbc\x95"})
    checkRefused(size + "\r\nabcde\r\n0\r\n\r\n"s);
  checkRefused("5\0\r\n"s);
}

TEST_CASE("all chunks together have at most 2^63 - 1 bytes") {
  ChunkedDecoder most;
  CHECK(most.decode("7fffffffffffffff\r\nx").step == Step::Data);
  CHECK(most.chunkRemaining() == 0x7ffffffffffffffeu);
  checkRefused("1\r\nx\r\n7fffffffffffffff\r\n");
  ChunkedDecoder rest;
  CHECK(rest.decode("1\r\nx").step == Step::Data);
  CHECK(rest.decode("\r\n7ffffffffffffffe\r\nx").step == Step::Data);
}

TEST_CASE("B2: line ends are CR LF") {
  for (const char* text :
       {"5\nabcde\r\n0\r\n\r\n", "5\r\nabcde\n0\r\n\r\n", "5;a\nabcde\r\n", "5;a=b\nabcde\r\n",
        "5;a=\"b\"\nabcde\r\n", "5;a=\"\n\"\r\nabcde\r\n", "0\n\r\n", "5\rabcde", "5\r\rabcde",
        "5\r\nabcde\r0", "5\r\nabcde\r\r\n", "\r\n5\r\n", "\n"})
    checkRefused(text);
}

TEST_CASE("B3: data ends with CR LF") {
  checkRefused("5\r\nabcdef\r\n0\r\n\r\n");
  checkRefused("5\r\nabcde0\r\n\r\n");
  checkRefused("5\r\nabcde \r\n0\r\n\r\n");
}

TEST_CASE("extensions are checked") {
  for (const char* extension : {";a", ";a;b", ";a=b", ";a=\"\"", ";a=\"b c\t\xc3\xa4\"",
                                ";a=\"\\\"\\\\\\\t\"", ";a=\"b\";c=d", ";!=~",
                                // White space around the marks (RFC 9112, section 7.1.1).
                                "; a", " ;a", "\t ;a", ";a =b", ";a= b", ";a\t=\t\"b\"", ";a=b ;c",
                                ";a=\"b\" ;c", ";a ;b", " ; a = b ; c"})
    CHECK(decode("1"s + extension + "\r\nx\r\n0\r\n").data == "x");
  for (const char* extension : {";",
                                ";;",
                                ";a;",
                                ";=b",
                                ";a=",
                                ";a=;b",
                                ";a=b=c",
                                "; ",
                                ";a ",
                                ";a = ",
                                ";a=b ",
                                ";a=\"",
                                ";a=\"b",
                                ";a=\"b\"c",
                                ";a=\"b\" ",
                                ";a=\"\x01\"",
                                ";a=\"\\\x7f\"",
                                ";a=b\"c\"",
                                ";a/b",
                                ";a,b",
                                ";a=\"b\"=c",
                                ";\xc3\xa4",
                                " ",
                                "\t",
                                " a",
                                ";a b",
                                ";a=b c",
                                ";a=b =c",
                                " ;",
                                " ;;a",
                                " =a",
                                ";a = ;b"})
    checkRefused("1"s + extension + "\r\nx\r\n0\r\n");
}

TEST_CASE("B4: extensions over 4 KiB in all chunks") {
  const auto body = [](size_t first, size_t second) {  // bytes from the ';' on
    return "1;" + std::string(first - 1, 'a') + "\r\nx\r\n1;" + std::string(second - 1, 'b') +
           "\r\ny\r\n0\r\n";
  };
  CHECK(decode(body(4000, 96)).data == "xy");
  checkRefused(body(4000, 97));
  checkRefused("1;" + std::string(4096, 'a'));  // before its end
  CHECK(decode("1;" + std::string(4095, 'a')).end == Step::NeedMore);
  checkRefused("1;a=\"" + std::string(4096, 'a'));
}

TEST_CASE("B9: a million chunks of one byte in one pass") {
  constexpr size_t kChunks = 1000000;
  std::string text;
  text.reserve(kChunks * 6);
  for (size_t i = 0; i < kChunks; ++i) text += "1\r\nx\r\n";
  const std::string_view all = text;
  ChunkedDecoder decoder;
  size_t steps = 0;
  size_t at = 0;
  for (;; ++steps) {
    const ChunkedDecoder::Output output = decoder.decode(all.substr(at));
    if (output.step != Step::Data) break;
    at += output.consumed;
    REQUIRE(output.consumed <= 6);  // each step looks at its own chunk only
  }
  CHECK(steps == kChunks);
}

TEST_CASE("chunk headers are written in hex") {
  const std::pair<uint64_t, const char*> sizes[] = {
      {0, "0\r\n"},
      {1, "1\r\n"},
      {15, "f\r\n"},
      {16, "10\r\n"},
      {255, "ff\r\n"},
      {4096, "1000\r\n"},
      {0x123456789abcdef0u, "123456789abcdef0\r\n"},
      {UINT64_MAX, "ffffffffffffffff\r\n"},
  };
  for (const auto& [size, text] : sizes) {
    char out[18];
    const char* end = writeChunkHeader(out, size);
    CHECK(std::string_view(out, static_cast<size_t>(end - out)) == text);
  }
}

}  // namespace
}  // namespace oxbow::http1
