#include "proxy/session/answer.h"

#include <fmt/format.h>

#include <iterator>

#include "proxy/base/assert.h"
#include "proxy/codec/http/field_writer.h"
#include "proxy/codec/http1/serializer.h"

namespace oxbow::session {

namespace {

constexpr size_t kFields = 8;
constexpr size_t kBytes = 16 << 10;

}  // namespace

void sendAnswer(http::ResponseSink& to, const Answer& answer) {
  char bytes[kBytes];
  http::Field fields[kFields];
  http::FieldWriter writer(bytes, sizeof bytes, fields, kFields);
  const auto add = [&writer](std::string_view name, std::string_view value) {
    // The texts come from the validated configuration or from ourselves: they fit.
    if (!value.empty() && !writer.add(name, value)) ASSERT(value.size() > 8000);
  };
  char length[24];
  const auto end = fmt::format_to(length, "{}", answer.body.size());
  // These have no body, and no length that we could tell (RFC 9110, 8.6).
  const bool bodyless = answer.status == 204 || answer.status == 304;
  if (!answer.body.empty()) add("Content-Type", answer.contentType);
  if (!bodyless) add("Content-Length", {length, static_cast<size_t>(end - length)});
  add("Location", answer.location);
  add("Retry-After", answer.retryAfter);
  add("Allow", answer.allow);
  add("Proxy-Status", answer.proxyStatus);

  http::ResponseHead head;
  head.status = answer.status;
  head.body = bodyless ? http::BodyKind::None : http::BodyKind::Length;
  head.contentLength = answer.body.size();
  head.hasContentLength = !bodyless;
  head.fields = writer.block();
  head.added = answer.added;
  to.onHead(head);
  if (!answer.body.empty() && !bodyless) to.onData(answer.body);
  to.onEnd();
  to.onBatchEnd();
}

void sendError(http::ResponseSink& to, const Error& error, std::string_view allowedMethods) {
  const uint16_t status = error.statusCode();
  fmt::memory_buffer body;
  fmt::format_to(std::back_inserter(body), "{} {}: {}\n", status, http1::reasonOf(status),
                 error.detail);
  fmt::memory_buffer proxyStatus;
  fmt::format_to(std::back_inserter(proxyStatus), "oxbow; error={}; details=\"{}\"",
                 tokenOf(error.code), error.detail);
  Answer answer;
  answer.status = status;
  answer.body = {body.data(), body.size()};
  answer.proxyStatus = {proxyStatus.data(), proxyStatus.size()};
  if (status == 503 || status == 429) answer.retryAfter = "1";
  if (status == 405) answer.allow = allowedMethods;
  sendAnswer(to, answer);
}

}  // namespace oxbow::session
