// An engine's times as the public API tells them.
#pragma once

#include "engine/request.h"
#include "parapet/types.h"

namespace parapet {

inline Timing timing_of(double render_ms, const GenerationTiming& steps) {
  return {render_ms, steps.prefill_ms, steps.decode_ms,
          render_ms + steps.queue_ms + steps.prefill_ms + steps.decode_ms};
}

}  // namespace parapet
