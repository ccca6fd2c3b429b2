// A verdict as a line of JSON for machines, or as a row of a table for people.
#pragma once

#include <string>

#include "parapet/guard.h"

namespace parapet::cli {

// {"safety": ..., "categories": [...], "refusal": ..., "probabilities": {...}, "label_mass": ...,
//  "category_probabilities": {...}, "text": ..., "passes": n, "windows": n, "context_cut": ...,
//  "usage": {...}, "timing_ms": {...}}; with "error" and "error_code" where there is no verdict.
// Keys are always there; what is not known is null.
std::string verdict_json(const Verdict& verdict);
// The same keys for a conversation that was never judged.
std::string error_json(const Error& error);

// Prints the table's head, then one row a conversation.
void print_verdict_head();
void print_verdict_row(const Conversation& conversation, const Verdict& verdict, Policy policy);
void print_error_row(const Conversation& conversation, const Error& error);

}  // namespace parapet::cli
