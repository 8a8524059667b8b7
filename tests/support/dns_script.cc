#include "tests/support/dns_script.h"

#include <algorithm>

namespace oxbow::test {

namespace {

// Aliases in one answer; a chain that goes round ends here.
constexpr int kMostAliases = 32;

std::string soaData(const DnsSoa& soa) {
  return dnsName("ns.test") + dnsName("hostmaster.test") + dnsNumber32(1) + dnsNumber32(3600) +
         dnsNumber32(600) + dnsNumber32(86400) +
         dnsNumber32(static_cast<uint64_t>(soa.minimum.count()));
}

DnsMessage falsified(DnsMessage message) {
  for (DnsRecord& record : message.answers) {
    if (record.type == DnsType::A) record.data = dnsData(DnsType::A, kFalseIpv4);
    if (record.type == DnsType::Aaaa) record.data = dnsData(DnsType::Aaaa, kFalseIpv6);
    if (record.type == DnsType::Srv)
      record.data = dnsData(DnsType::Srv, std::string("0 0 6666 ") + kFalseName);
  }
  return message;
}

void askOther(DnsMessage& message, DnsType type) {
  message.question = dnsQuestion(kFalseName, type);
  for (DnsRecord& record : message.answers) record.name = kFalseName;
}

}  // namespace

std::vector<DnsScript::Sent> DnsScript::whole(std::string bytes) {
  if (bytes.empty()) return {};
  const size_t size = bytes.size();
  return {{.bytes = std::move(bytes), .size = size}};
}

milliseconds DnsScript::delayOf(const std::string& name) const {
  const auto own = delays.find(name);
  return own != delays.end() ? own->second : delay;
}

bool DnsScript::ignoresNext() {
  if (silent) return true;
  if (toLose == 0) return false;
  --toLose;
  return true;
}

DnsRaw DnsScript::rawOf(const DnsQuestion& question) const {
  const auto found = raws.find({question.name, question.type});
  return found != raws.end() ? found->second : nullptr;
}

std::vector<DnsScript::Sent> DnsScript::answer(const DnsQuestion& question,
                                               DnsTransport transport) const {
  const DnsMessage message = truth(question);
  std::vector<Sent> all;
  if (lie != DnsLie::None && (lie != DnsLie::OtherPort || transport == DnsTransport::Udp))
    all.push_back(lieFor(question, message, transport));
  if (all.empty() || truthFollows)
    all.push_back(whole(fitting(message, question, transport)).front());
  return all;
}

DnsMessage DnsScript::truth(const DnsQuestion& question) const {
  DnsMessage message = answerTo(question);
  if (refusingEdns && question.edns) {
    // A server that does not know it has no OPT in its answer (RFC 6891, section 7).
    message.edns = false;
    message.code = DnsCode::FormErr;
  } else if (codeOfAll) {
    message.code = *codeOfAll;
  } else {
    resolve(question, message);
  }
  return message;
}

// Aliases are followed as far as this server knows, and the code is that of the last name (RFC
// 1034, section 4.3.2).
void DnsScript::resolve(const DnsQuestion& question, DnsMessage& message) const {
  std::string name = question.name;
  for (int i = 0; i < kMostAliases; ++i) {
    if (const Failure* failure = failureOf(name, question.type)) {
      message.code = failure->code;
      if (message.code == DnsCode::NxDomain || message.code == DnsCode::NoError)
        negative(message, failure->soa);
      return;
    }
    if (addRecords(name, question.type, message)) return;
    if (!addRecords(name, DnsType::Cname, message)) {
      if (!knows(name)) message.code = DnsCode::NxDomain;
      return negative(message, std::nullopt);
    }
    name = canonicalName(records.at({name, DnsType::Cname}).texts.front());
  }
}

const DnsScript::Failure* DnsScript::failureOf(const std::string& name, DnsType type) const {
  if (const auto found = failures.find({name, type}); found != failures.end())
    return &found->second;
  const auto found = nameFailures.find(name);
  return found != nameFailures.end() ? &found->second : nullptr;
}

bool DnsScript::knows(const std::string& name) const {
  return std::any_of(records.begin(), records.end(),
                     [&](const auto& entry) { return entry.first.first == name; });
}

bool DnsScript::addRecords(const std::string& name, DnsType type, DnsMessage& message) const {
  const auto found = records.find({name, type});
  if (found == records.end() || found->second.texts.empty()) return false;
  for (const std::string& text : found->second.texts)
    message.answers.push_back({name, type, found->second.ttl, dnsData(type, text)});
  return true;
}

void DnsScript::negative(DnsMessage& message, const std::optional<DnsSoa>& own) const {
  const std::optional<DnsSoa>& told = own ? own : soa;
  if (told) message.authority.push_back({"test", DnsType::Soa, told->ttl, soaData(*told)});
}

DnsScript::Sent DnsScript::lieFor(const DnsQuestion& question, const DnsMessage& message,
                                  DnsTransport transport) const {
  if (lie == DnsLie::Cut) {
    Sent sent = whole(fitting(message, question, transport)).front();
    sent.bytes.resize(sent.bytes.size() / 2);
    sent.thenClose = transport == DnsTransport::Tcp;
    return sent;
  }
  DnsMessage other = falsified(message);
  if (lie == DnsLie::WrongId || lie == DnsLie::Unasked) other.id ^= 0x5555;
  if (lie == DnsLie::WrongQuestion || lie == DnsLie::Unasked) askOther(other, question.type);
  Sent sent = whole(fitting(other, question, transport)).front();
  sent.fromOtherPort = lie == DnsLie::OtherPort;
  return sent;
}

std::string DnsScript::fitting(DnsMessage message, const DnsQuestion& question,
                               DnsTransport transport) const {
  std::string bytes = message.bytes();
  if (transport == DnsTransport::Tcp || (!truncating && bytes.size() <= question.payload))
    return bytes;
  message.truncated = true;
  message.answers.clear();
  message.authority.clear();
  return message.bytes();
}

}  // namespace oxbow::test
