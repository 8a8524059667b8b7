#include "proxy/codec/http/scan.h"

namespace oxbow::http {

const char* skipValueWithTabs(const char* at, Input input) {
  while (at != input.end && isIn(kValueClass, *at)) ++at;
  return at;
}

}  // namespace oxbow::http
