#include "proxy/codec/http/message_head.h"

namespace oxbow::http {

bool isIdempotent(Method method) {
  switch (method) {
    case Method::Get:
    case Method::Head:
    case Method::Put:
    case Method::Delete:
    case Method::Options:
    case Method::Trace:
      return true;
    case Method::Other:
    case Method::Post:
    case Method::Patch:
    case Method::Connect:
      return false;
  }
  return false;
}

}  // namespace oxbow::http
