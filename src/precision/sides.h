// From what was asked for to a side that answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "parapet/precision.h"
#include "precision/side.h"
#include "precision/side_spec.h"

namespace parapet {

// "int8", "int4" or "": how the files of this configuration hold its matrices.
std::string stored_format(const ModelConfig& config);

// Loads the model, reaches the server or maps the file. `role` stands before what on_progress is
// told; `end_tokens` are where a server's answers end.
Result<std::unique_ptr<Side>> open_side(const SideSpec& spec, const std::string& role,
                                        const PrecisionOptions& options, const ModelConfig& config,
                                        const std::vector<TokenId>& end_tokens);

// on_progress that says which side it speaks of.
ProgressCallback progress_of(const ProgressCallback& on_progress, const std::string& role);

}  // namespace parapet
