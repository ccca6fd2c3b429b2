// Errors layer by layer and op by op.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "precision/attribution.h"

namespace parapet {

// The beginnings of the prompts, one after the other, that have max_positions tokens together; all
// their positions are asked for.
std::vector<ProbePrompt> first_positions(std::span<const ProbePrompt> prompts,
                                         std::int64_t max_positions);
std::int64_t num_positions(std::span<const ProbePrompt> prompts);

// Of outputs with hidden states: the candidate's, the candidate's on the reference's inputs, and
// the reference's.
std::vector<LayerError> layer_errors(std::span<const ProbeOutput> candidate,
                                     std::span<const ProbeOutput> own,
                                     std::span<const ProbeOutput> reference,
                                     std::size_t hidden_size);

// Of outputs with ops.
std::vector<OpError> op_errors(std::span<const ProbeOutput> candidate,
                               std::span<const ProbeOutput> own,
                               std::span<const ProbeOutput> reference);
std::vector<OperatorError> operator_errors(std::span<const OpError> ops);
// The first op that is out of line with those of its name. The line is that of the layers behind
// the first `dense_layers`, whose matrices are quantized: dense ones keep below it.
std::optional<OpError> suspect_op(std::span<const OpError> ops, std::int64_t dense_layers = 0);

}  // namespace parapet
