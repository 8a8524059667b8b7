#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// HTTP/1 messages as the tests read them: by the RFC and on their own, since what oxbow's codec
// thinks of its bytes is what is tested.

namespace oxbow::integration {

struct Message {
  std::string startLine;
  std::vector<std::pair<std::string, std::string>> fields;  // names as they came
  std::string body;                                         // coding removed
  std::vector<std::pair<std::string, std::string>> trailers;
  bool chunked = false;
  bool untilClose = false;  // a response that the connection's end delimits
  bool complete = false;

  int status() const;  // of a response; 0 when the line is none
  // The value of the first field of that name, compared without case; empty when there is none.
  std::string field(std::string_view name) const;
  size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) > 0; }
  std::string trailer(std::string_view name) const;
};

// Whether a message whose body is incomplete is of use. To copy a large body again with every
// packet takes seconds.
enum class Want : uint8_t { Whole, WhatThereIs };

// The message at the front of `bytes`, of which it is `taken` bytes long; `forHead`: the answer to
// a HEAD. Null while the head is incomplete; while the body is, null too, or with complete == false
// and nothing taken. REQUIRES: well-formed.
std::optional<Message> readMessage(const std::string& bytes, bool isRequest, bool forHead,
                                   size_t& taken, Want want);

// "HTTP/1.1 200 OK" with a Content-Length and that body.
std::string ok(std::string_view body = "ok", std::string_view moreFields = {});
// A GET of `target` for host "a", with more field lines (each with its CRLF).
std::string get(std::string_view target = "/", std::string_view moreFields = {});
std::string post(std::string_view body, std::string_view moreFields = {},
                 std::string_view target = "/");
// A chunked POST whose body is `coded`, as it is on the wire.
std::string postChunked(std::string_view coded, std::string_view moreFields = {});
// `body` as one chunk and the last chunk.
std::string chunked(std::string_view body, std::string_view trailerLines = {});

// The error that oxbow's Proxy-Status tells (RFC 9209); empty when it tells none.
std::string tokenOf(const Message& answer);

// Text of that size in which no part looks like another: what is lost, doubled or moved is seen.
std::string pattern(size_t size);
// Equal, for texts that are too long to print when they are not.
inline bool same(std::string_view a, std::string_view b) { return a == b; }

}  // namespace oxbow::integration
