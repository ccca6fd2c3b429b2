// "cpu:int8", "http://host:8000", "dump.safetensors": one side of a comparison, as it is asked for.
#pragma once

#include <cstdint>
#include <string>

#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

struct SideSpec {
  enum class Kind : std::uint8_t { kLocal, kServer, kDump };
  Kind kind = Kind::kLocal;
  std::string text;  // as asked for

  // Of kLocal. "float32" is the reference's way, "served" what `parapet serve` does with the same
  // flags.
  std::string device;  // "cpu" or "reference"; of "served" as the flags say
  std::string isa;     // "portable", ... behind an @; empty: the best
  std::string format;  // "float32", "bfloat16", "int8", "int4", "served"
};

// ErrorCode::kInvalidArgument says what would be right; kUnsupported names a device that this build
// does not have.
Result<SideSpec> parse_side(const std::string& text);

// Whether a folder's weights may be quantized on the way: not where they already are so.
Result<ModelOptions> local_options(const SideSpec& side, const ModelOptions& options,
                                   const std::string& stored_format);

}  // namespace parapet
