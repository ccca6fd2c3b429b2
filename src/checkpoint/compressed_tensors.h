// The matrices of compressed-tensors checkpoints, brought into the packed layout.
#pragma once

#include "checkpoint/match_tensors.h"
#include "checkpoint/quantize.h"

namespace parapet {

// Codes as they are, scales to the nearest bfloat16, repeated where one of theirs spans several of
// our groups. `matched` is kIntQuantized or kPackQuantized, its scales finite. Refused: a scale
// that becomes infinite, and a weight_shape that is not the matrix's.
Status repack(const MatchedTensor& matched, const CompressedTensorsScheme& scheme,
              const PackedBuffer& packed, int num_threads);

}  // namespace parapet
