// How a caller's value is refused: the field, the value, and what would be right.
#pragma once

#include <cstdint>
#include <string>

#include "parapet/error.h"

namespace parapet {

inline Error refused(const std::string& field, const std::string& value,
                     const std::string& expected) {
  return {ErrorCode::kInvalidArgument, field + " is " + value + ", expected " + expected};
}

// Both ends are allowed.
inline Status check_range(const char* field, std::int64_t value, std::int64_t low,
                          std::int64_t high) {
  if (value >= low && value <= high) return {};
  return refused(field, std::to_string(value), std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace parapet
