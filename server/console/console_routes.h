// The console's page on a server.
#pragma once

#include <vector>

#include "server/http/router.h"

namespace parapet::server {

// One route an asset. They need no key: the page asks for one, and sends it with what it asks for.
std::vector<Route> console_routes();

}  // namespace parapet::server
