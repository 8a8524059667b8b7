#pragma once

#include <cstddef>

#include "proxy/codec/http/field.h"
#include "proxy/codec/http/spelling.h"

// The search for known field names, by length and then by words. nameOf() is this; the loops that
// read heads have it inline, where a call would cost as much as the search.

namespace oxbow::http {

[[gnu::always_inline]] inline Name otherName(const char* text, size_t size) {
  constexpr size_t kPrefix = 12;
  if (size >= kPrefix && spells(text, "x-forwarded-")) return Name::XForwardedOther;
  return Name::Other;
}

// Names of fewer bytes than the prefix above.
[[gnu::always_inline]] inline Name shortName(const char* text, size_t size) {
  switch (size) {
    case 2:
      return spells(text, "te") ? Name::Te : Name::Other;
    case 3:
      return spells(text, "via") ? Name::Via : Name::Other;
    case 4:
      if (spells(text, "host")) return Name::Host;
      return spells(text, "date") ? Name::Date : Name::Other;
    case 6:
      if (spells(text, "server")) return Name::Server;
      if (spells(text, "cookie")) return Name::Cookie;
      if (spells(text, "origin")) return Name::Origin;
      return spells(text, "expect") ? Name::Expect : Name::Other;
    case 7:
      if (spells(text, "upgrade")) return Name::Upgrade;
      if (spells(text, "referer")) return Name::Referer;
      return spells(text, "trailer") ? Name::Trailer : Name::Other;
    case 9:
      return spells(text, "forwarded") ? Name::Forwarded : Name::Other;
    case 10:
      if (spells(text, "connection")) return Name::Connection;
      if (spells(text, "user-agent")) return Name::UserAgent;
      if (spells(text, "set-cookie")) return Name::SetCookie;
      return spells(text, "keep-alive") ? Name::KeepAlive : Name::Other;
    default:
      return Name::Other;
  }
}

[[gnu::always_inline]] inline Name longName(const char* text, size_t size) {
  switch (size) {
    case 12:
      if (spells(text, "content-type")) return Name::ContentType;
      if (spells(text, "x-request-id")) return Name::XRequestId;
      break;
    case 13:
      if (spells(text, "authorization")) return Name::Authorization;
      if (spells(text, "cache-control")) return Name::CacheControl;
      break;
    case 14:
      if (spells(text, "content-length")) return Name::ContentLength;
      break;
    case 15:
      if (spells(text, "accept-encoding")) return Name::AcceptEncoding;
      if (spells(text, "x-forwarded-for")) return Name::XForwardedFor;
      if (spells(text, "idempotency-key")) return Name::IdempotencyKey;
      break;
    case 16:
      if (spells(text, "x-forwarded-host")) return Name::XForwardedHost;
      if (spells(text, "www-authenticate")) return Name::WwwAuthenticate;
      if (spells(text, "proxy-connection")) return Name::ProxyConnection;
      break;
    case 17:
      if (spells(text, "transfer-encoding")) return Name::TransferEncoding;
      if (spells(text, "x-forwarded-proto")) return Name::XForwardedProto;
      break;
    case 18:
      if (spells(text, "proxy-authenticate")) return Name::ProxyAuthenticate;
      break;
    case 19:
      if (spells(text, "proxy-authorization")) return Name::ProxyAuthorization;
      break;
    default:
      break;
  }
  return otherName(text, size);
}

[[gnu::always_inline]] inline Name lookUpName(const char* text, size_t size) {
  return size < 12 ? shortName(text, size) : longName(text, size);
}

}  // namespace oxbow::http
