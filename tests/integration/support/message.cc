#include "tests/integration/support/message.h"

#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace oxbow::integration {

namespace {

bool sameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return std::string(text);
}

// Field lines up to and with the empty line; npos when it has not come.
size_t readFields(const std::string& bytes, size_t at,
                  std::vector<std::pair<std::string, std::string>>& fields) {
  for (;;) {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) return end;
    if (end == at) return at + 2;
    const std::string line = bytes.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon == std::string::npos)
      fields.emplace_back(line, "(no colon)");
    else
      fields.emplace_back(line.substr(0, colon), trimmed(std::string_view(line).substr(colon + 1)));
    at = end + 2;
  }
}

// The end of a chunked body, npos while it is incomplete.
size_t readChunks(const std::string& bytes, size_t at, Message& message,
                  std::vector<std::string_view>& pieces) {
  for (;;) {
    const size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) return end;
    const size_t size = std::strtoull(bytes.c_str() + at, nullptr, 16);
    at = end + 2;
    if (size == 0) return readFields(bytes, at, message.trailers);
    pieces.push_back(std::string_view(bytes).substr(at, size));
    if (bytes.size() < at + size + 2) return std::string::npos;
    at += size + 2;
  }
}

// The end of a body, npos while it is incomplete; `pieces` is what there is of it.
size_t readBody(const std::string& bytes, size_t at, bool isRequest, Message& message,
                std::vector<std::string_view>& pieces) {
  const std::string_view data = bytes;
  if (message.chunked) return readChunks(bytes, at, message, pieces);
  if (message.has("Content-Length")) {
    const size_t length = std::strtoull(message.field("Content-Length").c_str(), nullptr, 10);
    pieces.push_back(data.substr(at, length));
    return pieces.back().size() == length ? at + length : std::string::npos;
  }
  if (isRequest) return at;
  message.untilClose = true;
  pieces.push_back(data.substr(at));
  return std::string::npos;
}

}  // namespace

int Message::status() const {
  if (startLine.compare(0, 5, "HTTP/") != 0 || startLine.size() < 12) return 0;
  return std::atoi(startLine.c_str() + 9);
}

std::string Message::field(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (sameName(key, name)) return value;
  return {};
}

size_t Message::count(std::string_view name) const {
  size_t sum = 0;
  for (const auto& entry : fields) sum += sameName(entry.first, name) ? 1 : 0;
  return sum;
}

std::string Message::trailer(std::string_view name) const {
  for (const auto& [key, value] : trailers)
    if (sameName(key, name)) return value;
  return {};
}

std::optional<Message> readMessage(const std::string& bytes, bool isRequest, bool forHead,
                                   size_t& taken, Want want) {
  const size_t line = bytes.find("\r\n");
  if (line == std::string::npos) return std::nullopt;
  Message message;
  message.startLine = bytes.substr(0, line);
  const size_t body = readFields(bytes, line + 2, message.fields);
  if (body == std::string::npos) return std::nullopt;
  const int status = message.status();
  const bool bodyless = forHead || (!isRequest && (status < 200 || status == 204 || status == 304));
  message.chunked = sameName(message.field("Transfer-Encoding"), "chunked");
  std::vector<std::string_view> pieces;
  const size_t end = bodyless ? body : readBody(bytes, body, isRequest, message, pieces);
  message.complete = end != std::string::npos;
  if (!message.complete && want == Want::Whole) return std::nullopt;
  for (const std::string_view piece : pieces) message.body += piece;
  if (message.complete) taken = end;
  return message;
}

std::string ok(std::string_view body, std::string_view moreFields) {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text.append(moreFields).append("\r\n").append(body);
}

std::string get(std::string_view target, std::string_view moreFields) {
  std::string text = "GET ";
  return text.append(target).append(" HTTP/1.1\r\nHost: a\r\n").append(moreFields).append("\r\n");
}

std::string post(std::string_view body, std::string_view moreFields, std::string_view target) {
  std::string text = "POST ";
  text.append(target).append(" HTTP/1.1\r\nHost: a\r\nContent-Length: ");
  text.append(std::to_string(body.size())).append("\r\n").append(moreFields);
  return text.append("\r\n").append(body);
}

std::string postChunked(std::string_view coded, std::string_view moreFields) {
  std::string text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
  return text.append(moreFields).append("\r\n").append(coded);
}

std::string chunked(std::string_view body, std::string_view trailerLines) {
  char size[24];
  std::string text;
  if (!body.empty()) {
    snprintf(size, sizeof size, "%zx\r\n", body.size());
    text.append(size).append(body).append("\r\n");
  }
  return text.append("0\r\n").append(trailerLines).append("\r\n");
}

std::string tokenOf(const Message& answer) {
  const std::string told = answer.field("Proxy-Status");
  const std::string before = "oxbow; error=";
  if (told.compare(0, before.size(), before) != 0) return {};
  return told.substr(before.size(), told.find(';', before.size()) - before.size());
}

std::string pattern(size_t size) {
  std::string text;
  text.reserve(size + 8);
  for (size_t i = 0; text.size() < size; ++i) {
    const std::string number = std::to_string(i);
    text.append(7 - std::min<size_t>(number.size(), 7), '.').append(number).push_back('\n');
  }
  text.resize(size);
  return text;
}

}  // namespace oxbow::integration
