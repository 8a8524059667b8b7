#include "proxy/tls/ticket_keys.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/assert.h"
#include "proxy/tls/named_file.h"

namespace oxbow::tls {

namespace {

using Key = TicketKeys::Key;

constexpr size_t kName = sizeof(Key::name);
constexpr size_t kShortFile = kName + 2 * 16;
constexpr size_t kLongFile = kName + 2 * 32;

Key freshKey() {
  Key key;
  ASSERT(RAND_bytes(key.name.data(), kName) == 1);
  ASSERT(RAND_priv_bytes(key.aes.data(), Key::kMaxSecret) == 1);
  ASSERT(RAND_priv_bytes(key.mac.data(), Key::kMaxSecret) == 1);
  return key;
}

// REQUIRES: 48 or 80 bytes. The order of the secrets differs, as it does in nginx.
Key parse(std::string_view bytes) {
  Key key;
  const bool isShort = bytes.size() == kShortFile;
  key.size = isShort ? 16 : 32;
  std::memcpy(key.name.data(), bytes.data(), kName);
  std::memcpy((isShort ? key.aes : key.mac).data(), bytes.data() + kName, key.size);
  std::memcpy((isShort ? key.mac : key.aes).data(), bytes.data() + kName + key.size, key.size);
  return key;
}

bool readInto(std::vector<Key>& keys, const NamedFile& file) {
  const auto bytes = file.readSecret();
  if (!bytes) return false;
  const size_t size = bytes->text().size();
  if (size != kShortFile && size != kLongFile) {
    file.error(fmt::format("has {} bytes; a key has 80 or 48", size));
    return false;
  }
  keys.push_back(parse(bytes->text()));
  return true;
}

bool initMac(EVP_MAC_CTX& mac, Key& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.size),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(&mac, parameters) == 1;
}

const EVP_CIPHER* cipherOf(const Key& key) {
  return key.size == Key::kMaxSecret ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
}

// What OpenSSL's callback returns.
enum Outcome { kFailed = -1, kUnknown = 0, kGood = 1, kRenew = 2 };

constexpr int kIv = 16;

Outcome seal(TicketKeys& keys, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX& cipher,
             EVP_MAC_CTX& mac) {
  Key key = keys.sealing();
  std::copy(key.name.begin(), key.name.end(), name);
  const bool done = RAND_bytes(iv, kIv) == 1 &&
                    EVP_EncryptInit_ex2(&cipher, cipherOf(key), key.aes.data(), iv, nullptr) == 1 &&
                    initMac(mac, key);
  return done ? kGood : kFailed;
}

Outcome open(TicketKeys& keys, const SSL& ssl, const uint8_t* name, const uint8_t* iv,
             EVP_CIPHER_CTX& cipher, EVP_MAC_CTX& mac) {
  uint8_t sought[kName];
  std::copy_n(name, kName, sought);
  auto found = keys.opening(sought);
  if (!found) return kUnknown;
  Key& key = found->key;
  if (!initMac(mac, key) ||
      EVP_DecryptInit_ex2(&cipher, cipherOf(key), key.aes.data(), iv, nullptr) != 1)
    return kFailed;
  // A ticket of TLS 1.3 is for one use (RFC 8446, appendix C.4): the client needs another.
  return found->renew || SSL_version(&ssl) >= TLS1_3_VERSION ? kRenew : kGood;
}

int indexOfKeys() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int onTicket(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
             int sealing) {
  void* keys = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), indexOfKeys());
  ASSERT(keys != nullptr);
  auto& of = *static_cast<TicketKeys*>(keys);
  return sealing != 0 ? seal(of, name, iv, *cipher, *mac) : open(of, *ssl, name, iv, *cipher, *mac);
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(aes.data(), aes.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKeys::TicketKeys(const Clock& clock, Duration period) : clock_(clock), period_(period) {
  ASSERT(period > Duration::zero());
  startAnew();
}

void TicketKeys::startAnew() {
  own_ = true;
  keys_.assign(1, freshKey());
  since_ = clock_.now();
}

std::optional<std::vector<Key>> TicketKeys::read(const std::vector<Located<std::string>>& files,
                                                 const Complaints& complaints) {
  std::vector<Key> keys;
  keys.reserve(files.size());
  bool good = true;
  for (size_t i = 0; i < files.size(); ++i) {
    std::string name = "session_ticket_keys";
    if (files.size() > 1) name = config::join(name, i);
    good = readInto(keys, NamedFile(files[i], name, complaints)) && good;
  }
  if (!good) return std::nullopt;
  return keys;
}

void TicketKeys::use(std::vector<Key> keys) {
  const std::lock_guard lock(mutex_);
  if (!keys.empty()) {
    own_ = false;
    keys_ = std::move(keys);
  } else if (!own_) {
    startAnew();
  }
}

bool TicketKeys::load(const std::vector<Located<std::string>>& files,
                      const Complaints& complaints) {
  auto keys = read(files, complaints);
  if (keys) use(std::move(*keys));
  return keys.has_value();
}

void TicketKeys::setPeriod(Duration period) {
  ASSERT(period > Duration::zero());
  const std::lock_guard lock(mutex_);
  period_ = period;
}

// Nobody may have asked for several periods: what is older than one former period opens nothing.
void TicketKeys::rotate() {
  if (!own_) return;
  const auto periods = (clock_.now() - since_) / period_;
  if (periods == 0) return;
  if (periods == 1)
    keys_.resize(1);
  else
    keys_.clear();
  keys_.insert(keys_.begin(), freshKey());
  since_ += periods * period_;
}

Key TicketKeys::sealing() {
  const std::lock_guard lock(mutex_);
  rotate();
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::opening(const uint8_t (&name)[16]) {
  const std::lock_guard lock(mutex_);
  rotate();
  for (const Key& key : keys_)
    if (std::equal(key.name.begin(), key.name.end(), name))
      return Found{key, &key != &keys_.front()};
  return std::nullopt;
}

void TicketKeys::attachTo(SSL_CTX& context) {
  ASSERT(SSL_CTX_set_ex_data(&context, indexOfKeys(), this) == 1);
  ASSERT(SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, onTicket) == 1);
}

}  // namespace oxbow::tls
