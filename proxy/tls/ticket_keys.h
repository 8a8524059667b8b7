#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/config/config.h"
#include "proxy/tls/material.h"

namespace oxbow::tls {

// The keys that session tickets are sealed with (RFC 5077, section 4): of one listener, shared by
// all workers. Either from files, or made here and replaced by new ones from time to time, with one
// former period kept for tickets that are still about. Thread-safe.
class TicketKeys {
 public:
  struct Key {
    std::array<uint8_t, 16> name;
    std::array<uint8_t, 32> aes;
    std::array<uint8_t, 32> mac;
  };

  // Makes its own. `period` is how long a key seals. The clock outlives this.
  TicketKeys(const Clock& clock, Duration period);
  ~TicketKeys();  // wipes them
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Keys from the files: the first seals, all of them open. False: the errors were told, and
  // nothing has changed. Files have 80 bytes (name, AES-256, HMAC), or 48 (AES-128), as in nginx.
  bool load(const std::vector<Located<std::string>>& files, const Complaints& complaints);

  // What seals now; rotates when it is time.
  Key sealing();
  struct Found {
    Key key;
    bool renew = false;  // the ticket is to be replaced by one of the sealing key
  };
  std::optional<Found> opening(const uint8_t (&name)[16]);

  // Lets the tickets of `context` be sealed with these. They outlive it.
  void attachTo(SSL_CTX& context);
};

}  // namespace oxbow::tls
