#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/event/io_event.h"

namespace oxbow::net {

struct IoResult {
  // Truncated: the peer's bytes ended without the goodbye that the protocol asks for (close_notify
  // of TLS), so what is delimited by the end is not complete.
  enum class Kind : uint8_t { Ok, WouldBlock, Eof, Truncated, Error };
  Kind kind = Kind::WouldBlock;
  bool drained = true;  // reading: nothing more is there until the next readiness event
  int error = 0;        // errno, with Kind::Error
  size_t bytes = 0;     // with Kind::Ok, at least 1
};

// What a look at an idle connection found.
enum class Liveness : uint8_t {
  Alive,   // open, nothing unread
  Data,    // unread bytes
  Closed,  // FIN, or the goodbye of TLS
  Broken,  // RST, or an error of TLS
};

// What has to pass before bytes may: a TLS handshake.
enum class Opening : uint8_t { Done, Pending, Failed };

// What was wrong with a certificate; labels of a counter.
enum class CertificateFault : uint8_t {
  None,  // or there was none to look at
  Expired,
  NotYetValid,
  SelfSigned,
  UnknownCa,
  WrongName,
  Revoked,
  Other,
  Count
};
std::string_view textOf(CertificateFault fault);

// Why an opening failed.
struct OpenFailure {
  enum class Kind : uint8_t {
    Closed,       // FIN or RST in the middle of it
    Protocol,     // the peer does not speak what we do
    PlainHttp,    // a client speaks HTTP without TLS
    Alert,        // the peer refused, with an alert
    Certificate,  // the peer's certificate is not to be trusted
  };
  Kind kind = Kind::Protocol;
  CertificateFault fault = CertificateFault::None;
  const char* detail = "";  // static text
};

// What TLS has established on a connection. Texts stay as long as the transport.
class TlsFacts {
 public:
  virtual std::string_view version() const = 0;     // "TLSv1.3"
  virtual std::string_view cipher() const = 0;      // "TLS_AES_128_GCM_SHA256"
  virtual std::string_view serverName() const = 0;  // what the client asked for; empty: nothing
  virtual bool resumed() const = 0;
  // Whether a session was offered for resumption; of connections to servers only.
  virtual bool offered() const = 0;

  // Of the client's certificate, on the server's side: "NONE", "SUCCESS" or "FAILED:reason"; the
  // subject as in RFC 2253 and SHA-256 in hex, empty without one.
  virtual std::string_view clientVerify() const = 0;
  virtual std::string_view clientSubject() const = 0;
  virtual std::string_view clientFingerprint() const = 0;
  // Whether a request for that host may come over this connection: its name must not ask for
  // another verification of clients than the name of the handshake (RFC 9110, section 15.5.20).
  virtual bool mayServe(std::string_view host) const = 0;

 protected:
  ~TlsFacts() = default;
};

enum class CloseHow : uint8_t {
  Clean,  // FIN behind what was written
  Reset,  // RST: tells the peer that a message was cut
};

// A byte stream over one connected socket; plain here, TLS by another class. Non-blocking. Owns the
// descriptor. Worker's thread only.
class Transport {
 public:
  virtual ~Transport() = default;

  // Edge-triggered readiness goes to `handler` from now on. False when the kernel refuses.
  [[nodiscard]] virtual bool start(event::Dispatcher& dispatcher, event::IoHandler& handler) = 0;

  // No events any more; start() may follow, on another thread too, when settled().
  virtual void stop() = 0;

  // Goes on with the opening, after start() and then whenever the socket is ready, until it is
  // over. Reading and writing come behind it.
  virtual Opening open() { return Opening::Done; }
  // Why open() failed, or what TLS had to say when reading did.
  virtual OpenFailure openFailure() const { return {}; }
  // Whether nothing waits inside this, in either direction.
  virtual bool settled() const { return true; }
  // Null when it speaks no TLS.
  virtual const TlsFacts* tls() const { return nullptr; }

  virtual IoResult read(char* to, size_t capacity) = 0;
  // What is not taken is to be offered again, first of all, the same bytes in the same order.
  virtual IoResult write(std::string_view bytes) = 0;
  // `count` is at most 64.
  virtual IoResult writev(const iovec* parts, int count) = 0;

  virtual Liveness peek() = 0;
  // The error that waits on the socket, taken from it (SO_ERROR); 0 when there is none.
  virtual int takeError() = 0;

  virtual void shutdownWrite() = 0;
  // Stops events and closes. Later calls do nothing.
  virtual void close(CloseHow how) = 0;
  virtual bool closed() const = 0;
  virtual int descriptor() const = 0;
};

}  // namespace oxbow::net
