#include "proxy/codec/http/spelling.h"
#include "proxy/codec/http1/control_fields.h"
#include "proxy/codec/http1/field_values.h"
#include "proxy/codec/http1/parser.h"

namespace oxbow::http1 {

using http::Name;

namespace {

constexpr uint64_t kHopNames = http::bitOf(Name::Connection) | http::bitOf(Name::KeepAlive) |
                               http::bitOf(Name::ProxyConnection) | http::bitOf(Name::Te) |
                               http::bitOf(Name::TransferEncoding) | http::bitOf(Name::Upgrade);

}  // namespace

// Hop-by-hop names are gone without being named; Trailer is no control of this hop only, so it goes
// when its sender says so.
void dropNamed(http::FieldBlock& fields, std::string_view connection) {
  if (http::spells(connection, "keep-alive") || http::spells(connection, "close")) return;
  ListElements names(connection);
  std::string_view name;
  while (names.next(name)) {
    const Name id = http::nameOf(name);
    if (name.empty() || (isControlField(id, name) && id != Name::Trailer)) continue;
    fields.drop(name);
  }
}

void dropHopByHop(http::FieldBlock& fields) {
  if (!fields.hasAny(kHopNames)) return;
  for (http::Field* field = fields.begin(); field != fields.end_(); ++field) {
    const uint64_t bit = http::bitOf(field->name());
    if ((bit & kHopNames) == 0) continue;
    if (field->name() == Name::Connection && !field->dropped())
      dropNamed(fields, fields.valueAt(*field));
    fields.drop(*field);
  }
}

}  // namespace oxbow::http1
