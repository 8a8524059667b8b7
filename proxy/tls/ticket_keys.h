#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/tls/complaints.h"

namespace oxbow::tls {

// The keys that session tickets are sealed with (RFC 5077, section 4): of one listener, shared by
// all workers. Either from files, or made here and replaced by new ones from time to time, with one
// former period kept for tickets that are still about. Thread-safe.
class TicketKeys {
 public:
  // AES in CBC mode and HMAC with SHA-256; wiped when it goes.
  struct Key {
    static constexpr size_t kMaxSecret = 32;

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();

    std::array<uint8_t, 16> name{};
    size_t size = kMaxSecret;  // of each of the secrets: 16 is AES-128, 32 AES-256
    std::array<uint8_t, kMaxSecret> aes{};
    std::array<uint8_t, kMaxSecret> mac{};
  };

  // Makes its own. `period` is how long a key seals. The clock outlives this.
  TicketKeys(const Clock& clock, Duration period);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // What the files hold, as nginx has them: 80 bytes (name, HMAC key, AES-256 key), or 48 (name,
  // AES-128 key, HMAC key). Nothing: the errors were told.
  static std::optional<std::vector<Key>> read(const std::vector<Located<std::string>>& files,
                                              const Complaints& complaints);
  // From now on: the first seals, all of them open. Without any, it makes its own again.
  void use(std::vector<Key> keys);
  // Both. False: the errors were told, and nothing has changed.
  bool load(const std::vector<Located<std::string>>& files, const Complaints& complaints);

  // Counts from when the sealing key was made.
  void setPeriod(Duration period);

  // What seals now; rotates when it is time.
  Key sealing();
  struct Found {
    Key key;
    bool renew = false;  // the ticket is to be replaced by one of the sealing key
  };
  std::optional<Found> opening(const uint8_t (&name)[16]);

  // Lets the tickets of `context` be sealed with these. They outlive its connections.
  void attachTo(SSL_CTX& context);

  const Clock& clock() const { return clock_; }

 private:
  // REQUIRES: the mutex is held.
  void rotate();
  void startAnew();

  const Clock& clock_;
  std::mutex mutex_;
  // All below: under the mutex.
  Duration period_;
  bool own_ = true;        // else they are from files
  std::vector<Key> keys_;  // front: seals; own ones are at most two
  TimePoint since_;        // the front seals; of own keys
};

}  // namespace oxbow::tls
