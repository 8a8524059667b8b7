#pragma once

#include "proxy/base/error.h"

namespace oxbow::upstream {

// Why a connection could not be opened, from errno or net::kNotLocal. Nothing was sent: any of them
// may be tried again elsewhere.
Error connectError(int error);

}  // namespace oxbow::upstream
