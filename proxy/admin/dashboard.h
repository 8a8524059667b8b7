#pragma once

#include <string_view>

#include "proxy/session/exchange.h"

namespace oxbow::admin {

// The page at /, of proxy/admin/dashboard.html, and the Content-Security-Policy that it gets. It
// asks the other pages for everything that it shows: there is nothing in it to keep from anybody.
std::string_view dashboardPage();
std::string_view dashboardPolicy();

// Answers with the page.
void answerDashboard(session::Exchange& exchange);

}  // namespace oxbow::admin
