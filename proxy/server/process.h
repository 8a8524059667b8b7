#pragma once

#include "proxy/admin/server_view.h"

namespace oxbow::server {

// What the kernel says of this process; the time of its start is left as it is.
void reportProcess(admin::ProcessReport& report);

}  // namespace oxbow::server
