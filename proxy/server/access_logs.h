#pragma once

#include <cstddef>

#include "proxy/config/config.h"
#include "proxy/server/snapshot.h"
#include "proxy/session/listener_view.h"

namespace oxbow::server {

// Where the exchanges of a listener and of its routes are logged by that worker.
void setAccessLogs(const config::Listener& config, const ListenerLogs& logs, size_t worker,
                   session::ListenerView& view);

}  // namespace oxbow::server
