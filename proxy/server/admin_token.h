#pragma once

#include <string>

#include "proxy/admin/admin_handler.h"
#include "proxy/config/config.h"
#include "proxy/server/tls_contexts.h"

namespace oxbow::server {

// What the file of `admin.token_file` has, without the newline at its end; empty: there is none, or
// a problem has been added. `isElsewhere`: a file that is not there is only warned of.
std::string loadAdminToken(const config::Config& config, TlsProblems& problems,
                           bool isElsewhere = false);

admin::AdminAccess accessOf(const config::Admin& admin, const std::string& token);

}  // namespace oxbow::server
