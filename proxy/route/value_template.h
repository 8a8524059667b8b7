#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::route {

// What the variables of a field value stand for in one exchange.
struct Variables {
  std::string_view requestId;
  std::string_view remoteAddr;
  std::string_view host;
  std::string_view scheme;
};

// A field value of the configuration with $request_id, $remote_addr, $host and $scheme in it,
// taken apart once.
class ValueTemplate {
 public:
  // REQUIRES: the validator knows every variable in `text`.
  explicit ValueTemplate(std::string_view text);

  bool isLiteral() const { return variables_ == 0; }
  bool empty() const { return parts_.empty(); }
  // An upper bound of what write() needs, for values of at most 256 bytes each.
  size_t bound() const { return literal_ + variables_ * 256; }
  // Bytes of the value.
  size_t size(const Variables& variables) const;
  // Writes the whole value to `out`, which has room for size(); returns its end.
  char* write(char* out, const Variables& variables) const;

 private:
  enum class Kind : uint8_t { Literal, RequestId, RemoteAddr, Host, Scheme };
  struct Part {
    Kind kind;
    std::string text;
  };
  static std::string_view valueOf(const Part& part, const Variables& variables);

  std::vector<Part> parts_;
  size_t literal_ = 0;
  size_t variables_ = 0;
};

}  // namespace oxbow::route
