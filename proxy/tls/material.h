#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/config/config.h"
#include "proxy/tls/complaints.h"
#include "proxy/tls/file.h"
#include "proxy/tls/handle.h"

// Certificates, keys and lists of CAs, out of files. Main thread. What is wrong is told as a
// problem of the key of the configuration that names the file. Never a byte of a key in a text.

namespace oxbow::tls {

// SHA-256 of whatever was read: two files with the same bytes are the same.
using Digest = std::string;

// A certificate with those that it was issued by, and its key.
struct Identity {
  std::vector<CertificatePtr> chain;  // front: its own
  KeyPtr key;
  Digest digest;  // of the certificates; no other key fits the first of them
};

// Reads both files and checks that they belong together. False: the errors were told. A key that
// everybody may write is refused, one that everybody may read warned of.
struct IdentityFiles {
  const Located<std::string>& cert;
  const Located<std::string>& key;
  const Located<std::string>& passwordFile;
  std::string_view certKey = "cert";  // what the configuration calls them here
  std::string_view keyKey = "key";
};
bool readIdentity(const IdentityFiles& files, const Complaints& complaints, Identity& out);

// What certificates are verified against.
struct Trust {
  StorePtr store;
  std::vector<CertificatePtr> authorities;  // of a file; what a server asks its clients for
  Digest digest;
};
// `ca` is a file, or "system". With a `crl`, every certificate of the chain is looked up there.
bool readTrust(const Located<std::string>& ca, const Located<std::string>& crl,
               const Complaints& complaints, Trust& out);

// SHA-256 of parts that are kept apart.
Digest digestOf(std::initializer_list<std::string_view> parts);

// The end of WallTime for what lies behind it, as "no end" does; its start for nonsense.
WallTime wallTimeOf(const ASN1_TIME& time);
// Time until then; negative behind it.
Duration timeLeft(const X509& certificate, WallTime now);

// The first error that OpenSSL has for this thread, in its words; clears them all.
std::string takeErrors();

}  // namespace oxbow::tls
