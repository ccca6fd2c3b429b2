// What the audit log gives out, as JSON: exports and GET /v1/audit have the same form.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/audit/reader.h"

namespace parapet::server {

// All keys are always there; what is not known is null. docs/audit.md lists them.
nlohmann::ordered_json record_json(const AuditRecord& record);
nlohmann::ordered_json stats_json(const AuditStats& stats);
// On one line; bytes that are not UTF-8 become U+FFFD.
std::string dump_json(const nlohmann::ordered_json& json);

}  // namespace parapet::server
