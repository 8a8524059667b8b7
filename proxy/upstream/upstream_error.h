#pragma once

#include "proxy/base/error.h"

namespace oxbow::upstream {

// An error that is the upstream's fault. `detail` is static text.
inline Error upstreamError(ErrorCode code, const char* detail, Retry retry = Retry::Never) {
  return {code, Side::Upstream, retry, 0, detail};
}

}  // namespace oxbow::upstream
