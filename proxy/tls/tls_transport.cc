#include "proxy/tls/tls_transport.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/tls/certificate.h"
#include "proxy/tls/failure.h"
#include "proxy/tls/plain_parts.h"

namespace oxbow::tls {

using net::IoResult;

namespace {

constexpr size_t kRecord = PlainParts::kRecord;
constexpr size_t kScratch = 96 << 10;
constexpr size_t kSealed = kRecord + SSL3_RT_MAX_ENCRYPTED_OVERHEAD + SSL3_RT_HEADER_LENGTH;
// One call reads no more, however fast the peer sends what is no data.
constexpr size_t kMostReceived = 256 << 10;

// What the thread's connections seal in; empty between two calls.
struct Scratch {
  size_t size = 0;
  size_t received = 0;  // by the current call
  char sealed[kScratch];
  char plain[kRecord];
};

Scratch& scratch() {
  static thread_local const std::unique_ptr<Scratch> own(new Scratch);
  return *own;
}

constexpr net::OpenFailure kCutShort{net::OpenFailure::Kind::Closed, net::CertificateFault::None,
                                     "closed during the TLS handshake"};

bool isTemporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

ssize_t sendSome(int fd, const char* from, size_t size) {
  ssize_t n;
  do {
    n = ::send(fd, from, size, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n;
}

IoResult failedWith(int error) {
  IoResult result;
  result.kind = IoResult::Kind::Error;
  result.error = error;
  return result;
}

IoResult moved(size_t bytes, bool drained) {
  IoResult result;
  result.kind = IoResult::Kind::Ok;
  result.bytes = bytes;
  result.drained = drained;
  return result;
}

std::string hex(const unsigned char* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace

TlsTransport::TlsTransport(int fd, SslPtr ssl)
    : ssl_(std::move(ssl)),
      fd_(fd),
      opened_(false),
      offered_(false),
      broken_(false),
      unsendable_(false),
      drained_(false),
      probing_(false),
      ended_(false) {
  BIO* bio = BIO_new(method());
  ASSERT(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_msg_callback(ssl_.get(), onMessage);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

TlsTransport::TlsTransport(int fd, SslPtr ssl, std::shared_ptr<SessionCache> sessions)
    : TlsTransport(fd, std::move(ssl)) {
  sessions_ = std::move(sessions);
  const SSL_SESSION* offered = SSL_get0_session(ssl_.get());
  offered_ = offered != nullptr;
}

TlsTransport::TlsTransport(int fd, SslPtr ssl, std::shared_ptr<const ServerContext> context)
    : TlsTransport(fd, std::move(ssl)) {
  context_ = std::move(context);
}

bool TlsTransport::start(event::Dispatcher& dispatcher, event::IoHandler& handler) {
  return event_.start(dispatcher, fd_, handler);
}

// OpenSSL's side ---------------------------------------------------------------------------------

const BIO_METHOD* TlsTransport::method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "oxbow socket");
    ASSERT(fresh != nullptr);
    BIO_meth_set_read(fresh, receive);
    BIO_meth_set_write(fresh, collect);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

// One recv(2) a call, unless it filled what OpenSSL had room for; a probe wants to know of a FIN
// behind tickets as well.
int TlsTransport::receive(BIO* bio, char* to, int capacity) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  Scratch& own = scratch();
  if (self.drained_ || self.isFlooded()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  ssize_t n;
  do {
    n = ::recv(self.fd_, to, static_cast<size_t>(capacity), 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    own.received += static_cast<size_t>(n);
    self.drained_ = n < capacity && !self.probing_;
    return static_cast<int>(n);
  }
  if (n == 0) {
    // Not for OpenSSL to know: behind an end without close_notify, which is common, it would let
    // the session never be resumed again.
    self.ended_ = true;
    BIO_set_retry_read(bio);
    return -1;
  }
  if (isTemporary(errno)) {
    self.drained_ = true;
    BIO_set_retry_read(bio);
  } else {
    self.error_ = errno;
  }
  return -1;
}

// Takes everything: sendScratch() comes behind whatever OpenSSL does.
int TlsTransport::collect(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  Scratch& own = scratch();
  const auto bytes = static_cast<size_t>(size);
  if (self.unsendable_) return size;
  if (self.pending_ != nullptr) {
    self.pending_->bytes.append(from, bytes);
    return size;
  }
  // A flight with many certificates.
  if (own.size + bytes > kScratch && !self.sendScratch()) return size;
  if (self.pending_ != nullptr || bytes > kScratch) {
    if (self.pending_ == nullptr) self.pending_ = std::make_unique<Pending>();
    self.pending_->bytes.append(from, bytes);
    return size;
  }
  std::memcpy(own.sealed + own.size, from, bytes);
  own.size += bytes;
  return size;
}

long TlsTransport::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool TlsTransport::isFlooded() const {
  return postHandshake_ > kMostPostHandshake || scratch().received >= kMostReceived;
}

void TlsTransport::onMessage(int isWrite, int, int type, const void*, size_t, SSL*, void* self) {
  auto& transport = *static_cast<TlsTransport*>(self);
  if (isWrite == 0 && type == SSL3_RT_HANDSHAKE && transport.opened_) ++transport.postHandshake_;
}

// What the peer sent before it closed may tell why, and can still be read.
bool TlsTransport::noteUnsendable(int error) {
  unsendable_ = true;
  error_ = error;
  pending_.reset();
  return false;
}

// Sends what was sealed, keeps the rest. False: the socket takes nothing more.
bool TlsTransport::sendScratch() {
  Scratch& own = scratch();
  const size_t size = std::exchange(own.size, 0);
  if (unsendable_) return false;
  if (size == 0) return true;
  const ssize_t n = sendSome(fd_, own.sealed, size);
  if (n < 0 && !isTemporary(errno)) return noteUnsendable(errno);
  const auto sent = static_cast<size_t>(std::max<ssize_t>(n, 0));
  if (sent == size) return true;
  pending_ = std::make_unique<Pending>();
  pending_->bytes.assign(own.sealed + sent, size - sent);
  return true;
}

bool TlsTransport::sendPending() {
  if (unsendable_) return false;
  if (pending_ == nullptr) return true;
  Pending& pending = *pending_;
  const ssize_t n =
      sendSome(fd_, pending.bytes.data() + pending.sent, pending.bytes.size() - pending.sent);
  if (n < 0 && !isTemporary(errno)) return noteUnsendable(errno);
  pending.sent += static_cast<size_t>(std::max<ssize_t>(n, 0));
  while (pending.done < pending.records.size() && pending.records[pending.done].end <= pending.sent)
    taken_ += pending.records[pending.done++].plain;
  if (pending.sent == pending.bytes.size()) pending_.reset();
  return true;
}

// Opening ----------------------------------------------------------------------------------------

net::Opening TlsTransport::open() {
  if (opened_) return net::Opening::Done;
  if (broken_) return net::Opening::Failed;
  failure_ = kCutShort;  // unless there is more to say
  if (!sendPending()) return net::Opening::Failed;
  if (SSL_is_init_finished(ssl_.get()) == 1)
    return pending_ == nullptr ? finishOpening() : net::Opening::Pending;
  drained_ = false;
  scratch().received = 0;
  probing_ = true;  // a FIN that came with a part of a record has no event of its own
  const int result = SSL_do_handshake(ssl_.get());
  probing_ = false;
  if (result == 1) {
    if (!sendScratch()) return net::Opening::Failed;
    return pending_ == nullptr ? finishOpening() : net::Opening::Pending;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ && !ended_ && sendScratch()) return net::Opening::Pending;
  failure_ = ended_ || error == SSL_ERROR_WANT_READ ? kCutShort : takeFailure(*ssl_, error);
  sendScratch();  // the alert
  broken_ = true;
  return net::Opening::Failed;
}

net::Opening TlsTransport::finishOpening() {
  opened_ = true;
  failure_ = {};
  // OpenSSL tells of new sessions, but not of a ticket of TLS 1.2 that was renewed.
  if (sessions_ != nullptr && resumed() && SSL_version(ssl_.get()) == TLS1_2_VERSION)
    sessions_->put(SessionPtr(SSL_get1_session(ssl_.get())));
  if (context_ != nullptr && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) describeClient();
  return net::Opening::Done;
}

bool TlsTransport::settled() const {
  return opened_ && !broken_ && pending_ == nullptr && taken_ == 0 &&
         SSL_has_pending(ssl_.get()) == 0;
}

// Reading ----------------------------------------------------------------------------------------

IoResult TlsTransport::read(char* to, size_t capacity) {
  if (broken_) return opened_ ? failedWith(error_) : readRaw(to, capacity);
  drained_ = false;
  scratch().received = 0;
  size_t got = 0;
  int result = 1;
  while (got < capacity) {
    result =
        SSL_read(ssl_.get(), to + got, static_cast<int>(std::min<size_t>(capacity - got, 1 << 30)));
    if (result <= 0) {
      // Nothing but a part of a record: who reads asks no further, and a FIN that came with it has
      // no event of its own.
      if (got > 0 || probing_ || !drained_ || scratch().received == 0) break;
      probing_ = true;
      drained_ = false;
      continue;
    }
    got += static_cast<size_t>(result);
    postHandshake_ = 0;
    if (drained_ && SSL_has_pending(ssl_.get()) == 0) break;
  }
  probing_ = false;
  if (result > 0) {
    sendScratch();  // the answer to a key update that came first
    return moved(got, drained_ && SSL_has_pending(ssl_.get()) == 0);
  }
  const IoResult end = endOfRead(result);
  if (got == 0) return end;
  // Whatever ended it is told by the next call, behind what came before it.
  return moved(got, end.kind == IoResult::Kind::WouldBlock);
}

IoResult TlsTransport::readRaw(char* to, size_t capacity) {
  ssize_t n;
  do {
    n = ::recv(fd_, to, capacity, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return moved(static_cast<size_t>(n), static_cast<size_t>(n) < capacity);
  if (n < 0 && !isTemporary(errno)) return failedWith(errno);
  IoResult nothing;
  if (n == 0) nothing.kind = IoResult::Kind::Eof;
  return nothing;
}

// SSL_read() or SSL_peek() gave no data.
IoResult TlsTransport::endOfRead(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  sendScratch();  // the answer to a key update, or an alert
  IoResult end;
  if (error == SSL_ERROR_ZERO_RETURN) {
    end.kind = IoResult::Kind::Eof;
  } else if (error == SSL_ERROR_WANT_READ && ended_) {
    end.kind = IoResult::Kind::Truncated;
  } else if (error != SSL_ERROR_WANT_READ || isFlooded()) {
    if (error == SSL_ERROR_SSL) failure_ = takeFailure(*ssl_, error);
    ERR_clear_error();
    broken_ = true;
    if (error_ == 0) error_ = EPROTO;
    return failedWith(error_);
  }
  return end;
}

net::Liveness TlsTransport::peek() {
  if (broken_) return net::Liveness::Broken;
  drained_ = false;
  scratch().received = 0;
  char byte;
  probing_ = true;
  const int result = SSL_peek(ssl_.get(), &byte, 1);
  probing_ = false;
  if (result > 0) {
    sendScratch();
    return net::Liveness::Data;
  }
  switch (endOfRead(result).kind) {
    case IoResult::Kind::WouldBlock:
      return net::Liveness::Alive;
    case IoResult::Kind::Error:
      return net::Liveness::Broken;
    default:
      return net::Liveness::Closed;
  }
}

// Writing ----------------------------------------------------------------------------------------

IoResult TlsTransport::write(std::string_view bytes) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return writev(&part, 1);
}

IoResult TlsTransport::writev(const iovec* given, int count) {
  if (broken_ || !sendPending()) return failedWith(error_);
  PlainParts parts(given, count);
  const size_t before = std::min(taken_, parts.left());
  taken_ -= before;
  parts.skip(before);
  size_t written = before;
  postHandshake_ = 0;
  while (pending_ == nullptr && parts.left() > 0) {
    const size_t taken = sealSome(parts);
    if (broken_ || unsendable_) return failedWith(error_);
    written += taken;
  }
  return written > 0 ? moved(written, true) : IoResult();
}

// Seals as much as fits the scratch and sends it. How many plain bytes have left in full; what is
// sealed and has not left is taken when its record has.
size_t TlsTransport::sealSome(PlainParts& parts) {
  Scratch& own = scratch();
  Pending::Record records[kScratch / kSealed + 1];
  size_t count = 0;
  while (parts.left() > 0 && own.size + kSealed <= kScratch) {
    const std::string_view plain = parts.record(own.plain);
    const int n = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
    if (n != static_cast<int>(plain.size())) {
      ERR_clear_error();
      own.size = 0;
      broken_ = true;
      if (error_ == 0) error_ = EPROTO;
      return 0;
    }
    parts.skip(plain.size());
    records[count++] = {own.size, plain.size()};
  }
  const size_t sealed = own.size;
  if (!sendScratch()) return 0;
  size_t taken = 0;
  const size_t sent = pending_ == nullptr ? sealed : sealed - pending_->bytes.size();
  for (size_t i = 0; i < count; ++i) {
    if (records[i].end <= sent)
      taken += records[i].plain;
    else
      pending_->records.push_back({records[i].end - sent, records[i].plain});
  }
  return taken;
}

// Ends -------------------------------------------------------------------------------------------

int TlsTransport::takeError() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

// close_notify; false when it cannot be sent any more.
bool TlsTransport::writeControl() {
  if (!opened_ || broken_ || unsendable_ || pending_ != nullptr) return false;
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  return sendScratch() && pending_ == nullptr;
}

void TlsTransport::shutdownWrite() {
  writeControl();
  ::shutdown(fd_, SHUT_WR);
}

void TlsTransport::close(net::CloseHow how) {
  if (fd_ < 0) return;
  event_.stop();
  if (how == net::CloseHow::Reset) {
    const linger abort{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  } else if (!ended_) {
    writeControl();
  }
  // Without this OpenSSL takes the connection for a broken one, and its session for one that must
  // not be resumed.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  pending_.reset();
  ::close(fd_);
  fd_ = -1;
}

// Facts ------------------------------------------------------------------------------------------

std::string_view TlsTransport::version() const { return SSL_get_version(ssl_.get()); }

std::string_view TlsTransport::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

std::string_view TlsTransport::serverName() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : std::string_view();
}

bool TlsTransport::resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

void TlsTransport::describeClient() {
  client_ = std::make_unique<ClientCertificate>();
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (certificate == nullptr) return;
  const long result = SSL_get_verify_result(ssl_.get());
  client_->verify = result == X509_V_OK
                        ? std::string("SUCCESS")
                        : fmt::format("FAILED:{}", X509_verify_cert_error_string(result));
  client_->subject = subjectOf(*certificate);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest, &size) == 1)
    client_->fingerprint = hex(digest, size);
}

std::string_view TlsTransport::clientVerify() const {
  return client_ == nullptr || client_->verify.empty() ? std::string_view("NONE")
                                                       : std::string_view(client_->verify);
}

std::string_view TlsTransport::clientSubject() const {
  return client_ != nullptr ? std::string_view(client_->subject) : std::string_view();
}

std::string_view TlsTransport::clientFingerprint() const {
  return client_ != nullptr ? std::string_view(client_->fingerprint) : std::string_view();
}

bool TlsTransport::mayServe(std::string_view host) const {
  return context_ == nullptr || context_->mayServe(*ssl_, host);
}

}  // namespace oxbow::tls
