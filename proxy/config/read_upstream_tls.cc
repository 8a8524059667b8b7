#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/addresses.h"
#include "proxy/config/blocks.h"
#include "proxy/config/field_rules.h"
#include "proxy/config/tls_rules.h"

namespace oxbow::config {

namespace {

// Names have no case. `off` stays a word.
void readSni(BlockReader& in, Located<std::string>& out) {
  in.read("sni", out);
  if (out.isDefault()) return;
  out.value = lowered(out.value);
  const auto word = parseBoolean(*out);
  if (word && word.value()) return in.fail("sni", "write a host, or off");
  if (word) {
    out.value = "off";
  } else if (const auto fault = checkSni(*out)) {
    in.fail("sni", fault->message, fault->suggestion);
  }
}

void readVerifyName(BlockReader& in, Located<std::string>& out) {
  in.read("verify_name", out);
  if (out.isDefault()) return;
  out.value = lowered(out.value);
  if (const auto fault = checkVerifyName(*out))
    in.fail("verify_name", fault->message, fault->suggestion);
}

void readVerification(BlockReader& in, UpstreamTls& out) {
  readSni(in, out.sni);
  in.read("verify", out.verify);
  readVerifyName(in, out.verifyName);
  in.read("verify_depth", out.verifyDepth);
  readFileName(in, "ca", out.ca);
  readFileName(in, "crl", out.crl);
  if (!*out.verify && in.has("crl"))
    in.fail("crl", "contradicts verify off: nobody looks whether a certificate is revoked");
}

void readOwnCertificate(BlockReader& in, UpstreamTls& out) {
  readFileName(in, "certificate", out.certificate);
  readFileName(in, "certificate_key", out.certificateKey);
  readFileName(in, "password_file", out.passwordFile);
  const bool hasCertificate = in.has("certificate");
  const bool hasKey = in.has("certificate_key");
  if (hasCertificate && !hasKey) in.fail("certificate", "needs its certificate_key");
  if (hasKey && !hasCertificate) in.fail("certificate_key", "needs its certificate");
  if (in.has("password_file") && !hasKey)
    in.fail("password_file", "is of no use without a certificate_key");
}

// Returns whether it is known what a certificate must be good for.
bool readMapping(const Node& node, BlockReader& upstream, UpstreamTls& out) {
  BlockReader in(node, schema::upstreamTls(), upstream.pathOf("tls"), upstream.problems());
  out.enabled = {true, node.place};
  readVerification(in, out);
  readOwnCertificate(in, out);
  readTlsParameters(node, in, out.parameters);
  in.read("session_reuse", out.sessionReuse);
  in.finish();
  return in.isGood("sni") && in.isGood("verify") && in.isGood("verify_name");
}

// The path of a socket is nobody's name.
void checkHasName(BlockReader& in, const Upstream& up) {
  const UpstreamTls& tls = up.tls;
  const bool hasName = !tls.verifyName->empty() || (!tls.sni->empty() && *tls.sni != "off");
  if (!*tls.enabled || !*tls.verify || hasName) return;
  const auto isUnix = [](const Server& server) { return familyOf(*server.address) == AF_UNIX; };
  const auto socket = std::find_if(up.servers.begin(), up.servers.end(), isUnix);
  if (socket != up.servers.end())
    in.fail("tls", fmt::format("there is no name to verify {} by; write sni or verify_name",
                               quoted(*socket->address)));
}

}  // namespace

void readUpstreamTls(BlockReader& in, Upstream& out) {
  bool isNameKnown = true;
  if (in.isMapping("tls"))
    isNameKnown = readMapping(*in.take("tls"), in, out.tls);
  else
    in.read("tls", out.tls.enabled);
  if (isNameKnown) checkHasName(in, out);
}

}  // namespace oxbow::config
