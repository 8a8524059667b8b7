#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/session/exchange.h"

namespace oxbow::admin {

// Answers with an error, in one line of text. `allow`: the methods, of a 405.
void refuse(session::Exchange& exchange, uint16_t status, std::string_view detail,
            std::string_view allow = {});

}  // namespace oxbow::admin
