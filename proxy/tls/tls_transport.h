#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/transport.h"
#include "proxy/tls/handle.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/session_cache.h"

namespace oxbow::tls {

class PlainParts;

// A Transport that speaks TLS. OpenSSL reads from the socket into its own buffer, which it gives
// back when that is empty, and as much ahead as fits; what it writes is collected in a scratch of
// the thread and leaves with one send(2). What the socket does not take is kept here, and the
// plain bytes behind it count as not taken.
class TlsTransport final : public net::Transport, private net::TlsFacts {
 public:
  // Messages of the handshake protocol that may come behind it without a byte of data between:
  // tickets and key updates cost the peer less than us.
  static constexpr uint32_t kMostPostHandshake = 8;

  // Towards a server. Takes over `fd`; `sessions` is what `ssl` was made with.
  TlsTransport(int fd, SslPtr ssl, std::shared_ptr<SessionCache> sessions);
  // Of a client that was accepted.
  TlsTransport(int fd, SslPtr ssl, std::shared_ptr<const ServerContext> context);
  ~TlsTransport() override { close(net::CloseHow::Clean); }
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  bool start(event::Dispatcher& dispatcher, event::IoHandler& handler) override;
  void stop() override { event_.stop(); }
  net::Opening open() override;
  net::OpenFailure openFailure() const override { return failure_; }
  bool settled() const override;
  const net::TlsFacts* tls() const override { return this; }
  // Behind an opening that failed: whatever the peer sends, to be dropped.
  net::IoResult read(char* to, size_t capacity) override;
  net::IoResult write(std::string_view bytes) override;
  net::IoResult writev(const iovec* parts, int count) override;
  // Takes in tickets and other messages of the handshake protocol.
  net::Liveness peek() override;
  int takeError() override;
  void shutdownWrite() override;
  void close(net::CloseHow how) override;
  bool closed() const override { return fd_ < 0; }
  int descriptor() const override { return fd_; }

 private:
  // Sealed bytes that the socket has not taken.
  struct Pending {
    std::string bytes;
    size_t sent = 0;
    struct Record {
      size_t end = 0;    // in `bytes`
      size_t plain = 0;  // what it carries
    };
    std::vector<Record> records;
    size_t done = 0;  // of the records
  };
  struct ClientCertificate {
    std::string verify;
    std::string subject;
    std::string fingerprint;
  };

  // TlsFacts
  std::string_view version() const override;
  std::string_view cipher() const override;
  std::string_view serverName() const override;
  bool resumed() const override;
  bool offered() const override { return offered_; }
  std::string_view clientVerify() const override;
  std::string_view clientSubject() const override;
  std::string_view clientFingerprint() const override;
  bool mayServe(std::string_view host) const override;

  static const BIO_METHOD* method();
  static int receive(BIO* bio, char* to, int capacity);
  static int collect(BIO* bio, const char* from, int size);
  static long control(BIO* bio, int command, long number, void* pointer);
  static void onMessage(int isWrite, int version, int type, const void* bytes, size_t size,
                        SSL* ssl, void* self);

  TlsTransport(int fd, SslPtr ssl);
  net::Opening finishOpening();
  [[gnu::cold]] void describeClient();
  net::IoResult readRaw(char* to, size_t capacity);
  bool isFlooded() const;
  net::IoResult endOfRead(int result);
  size_t sealSome(PlainParts& parts);
  bool noteUnsendable(int error);
  bool sendScratch();
  bool sendPending();
  bool writeControl();

  SslPtr ssl_;
  int fd_;
  int error_ = 0;  // errno that ended reading or writing
  uint32_t postHandshake_ = 0;
  bool opened_ : 1;
  bool offered_ : 1;
  bool broken_ : 1;      // TLS has failed: nothing more can be read or written
  bool unsendable_ : 1;  // the socket takes nothing more
  bool drained_ : 1;     // within one call: the socket has nothing more
  bool probing_ : 1;     // likewise: a short recv(2) is not the end of it
  bool ended_ : 1;       // FIN came
  size_t taken_ = 0;     // plain bytes that have left and were not yet told of as taken
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<ClientCertificate> client_;
  std::shared_ptr<SessionCache> sessions_;
  std::shared_ptr<const ServerContext> context_;
  net::OpenFailure failure_;
  event::IoEvent event_;
};

}  // namespace oxbow::tls
