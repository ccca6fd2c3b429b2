// The grammar of a verdict, read strictly and as it grows.
//
//   verdict    := "Safety: " safety "\nCategories: " categories [ "\nRefusal: " ( "Yes" | "No" ) ]
//   safety     := "Safe" | "Controversial" | "Unsafe"
//   categories := "None" | name { ", " name }         no name twice; Safe has none
//
// The refusal line stands in responses, and only there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/taxonomy.h"
#include "parapet/error.h"

namespace parapet {

struct ParsedVerdict {
  Safety safety = Safety::kUnsafe;
  std::vector<std::string> categories;  // empty for None
  std::optional<bool> refusal;
};

enum class VerdictProgress : std::uint8_t {
  kOpen,      // a verdict so far, not yet a whole one
  kComplete,  // a whole verdict; in prompts it may still go on with another category
  kBroken,    // no continuation can make it a verdict
};

struct VerdictReading {
  VerdictProgress progress = VerdictProgress::kOpen;
  ParsedVerdict verdict;       // whole only when kComplete
  std::size_t stopped_at = 0;  // the byte where reading ended: broken here, or more expected here
  std::string expected;  // what would have been right there: "'Safe', 'Controversial' or 'Unsafe'"
};

// Reads the text of an answer, or the beginning of one. Linear; never fails.
VerdictReading read_verdict(std::string_view text, GuardMode mode);

// A finished answer as a verdict, or ErrorCode::kMalformedOutput that tells where it went wrong.
Result<ParsedVerdict> parse_verdict(std::string_view text, GuardMode mode);

}  // namespace parapet
