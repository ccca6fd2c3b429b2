// Verdicts as /v1/verdicts tells them (docs/server.md).
#pragma once

#include "server/json/fields.h"
#include "server/json/json.h"
#include "server/verdicts/judging.h"

namespace parapet::server {

// All keys are always there.
Json verdict_json(const Judged& judged, Policy policy);

// "strict" or "loose" in field `policy`.
void read_policy(Fields& fields, Policy& policy);

}  // namespace parapet::server
