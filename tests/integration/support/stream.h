#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/address.h"

namespace oxbow::integration {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long anything that must happen may take: only a test that fails waits for so long.
constexpr milliseconds kPatience{5000};

// How a wait for bytes ended.
enum class Read : uint8_t { Bytes, Fin, Reset, Late };

// A connected socket, used by blocking calls that all have a deadline. One thread at a time.
class Stream {
 public:
  // `interrupt` is a descriptor that ends every wait when it becomes readable; -1: none.
  explicit Stream(int fd, int interrupt = -1);
  // `buffer`: as setBuffers, so that a side that stops is felt early; 0: the kernel's choice.
  static Stream connectTo(const SocketAddress& address, int buffer = 0);
  ~Stream() { close(); }
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&&) = delete;

  bool isOpen() const { return fd_ >= 0; }
  // Bytes in the kernel each way; it doubles them.
  void setBuffers(int bytes);

  // Sends all of it. False when the peer has gone or does not take it in time.
  bool send(std::string_view bytes, milliseconds within = kPatience) {
    return sendSome(bytes, within) == bytes.size();
  }
  // The same, one byte a packet.
  bool sendBytewise(std::string_view bytes);
  // As much as the peer takes until it takes nothing for `quiet`; returns how much.
  size_t sendSome(std::string_view bytes, milliseconds quiet);

  // Appends what comes next to `to`.
  Read receive(std::string& to, milliseconds within = kPatience);

  void finish();  // FIN; reading goes on
  void reset();   // RST, and closed
  void close();

 private:
  bool await(short events, milliseconds within) const;

  int fd_;
  int interrupt_;
};

}  // namespace oxbow::integration
