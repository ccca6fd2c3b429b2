// Verdicts as /v1/verdicts tells them (docs/server.md).
#pragma once

#include "server/json/fields.h"
#include "server/json/json_writer.h"
#include "server/verdicts/judging.h"

namespace parapet::server {

// The members of a verdict's object. All of them are always there.
void write_verdict(JsonWriter& json, const Judged& judged, Policy policy);

// Values of it, null where there is nothing to tell.
void write_severity(JsonWriter& json, const Judged& judged);
void write_probabilities(JsonWriter& json, const Judged& judged);
void write_refusal(JsonWriter& json, const Judged& judged);
void write_error(JsonWriter& json, const Judged& judged);

// The members prompt_tokens, cached_tokens, completion_tokens.
void write_usage(JsonWriter& json, const TokenUsage& usage);

// "strict" or "loose" in field `policy`.
void read_policy(Fields& fields, Policy& policy);

}  // namespace parapet::server
