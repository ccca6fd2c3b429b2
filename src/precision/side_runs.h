// A side run over many sequences, a part at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "precision/side.h"

namespace parapet {

// Calls `take` with each sequence's index and rows, in order. Sequences are computed together as
// long as their logits stay within some hundred MB, so that what they begin with is shared.
Status run_side(Side& side, std::span<const ForcedSequence> sequences, std::int64_t vocab_size,
                const ProgressCallback& on_progress,
                const std::function<Status(std::size_t sequence, SideRows rows)>& take);

}  // namespace parapet
