#include "parapet/error.h"

namespace parapet {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kCorrupt: return "corrupt file";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kTooLong: return "too long";
    case ErrorCode::kTemplate: return "chat template";
    case ErrorCode::kMalformedOutput: return "malformed output";
    case ErrorCode::kNumeric: return "not a number";
    case ErrorCode::kResourceExhausted: return "out of resources";
    case ErrorCode::kIo: return "input/output";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kInternal: return "internal error";
  }
  return "unknown error";
}

}  // namespace parapet
