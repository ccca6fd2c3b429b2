// The guard's words: labels, categories and their published names. The only place that spells them.
// Source: the Qwen3Guard-Gen chat template and README.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "parapet/guard.h"

namespace parapet {

// What is under judgement: the last user's query, or the last assistant's response.
enum class GuardMode : std::uint8_t { kPrompt, kResponse };

inline constexpr std::array<Safety, 3> kAllSafety = {Safety::kSafe, Safety::kControversial,
                                                     Safety::kUnsafe};

// Indexes into kCategoryNames. Jailbreak is last, because responses do not have it.
inline constexpr std::array<std::string_view, 9> kCategoryNames = {
    "Violent",
    "Non-violent Illegal Acts",
    "Sexual Content or Sexual Acts",
    "PII",
    "Suicide & Self-Harm",
    "Unethical Acts",
    "Politically Sensitive Topics",
    "Copyright Violation",
    "Jailbreak",
};
inline constexpr std::string_view kNoCategory = "None";

// Nine for prompts, eight for responses.
constexpr std::span<const std::string_view> category_names(GuardMode mode) {
  return std::span(kCategoryNames).first(mode == GuardMode::kPrompt ? 9 : 8);
}

// The fixed words of the answer, in order.
inline constexpr std::string_view kSafetyHead = "Safety: ";
inline constexpr std::string_view kCategoriesHead = "\nCategories: ";
inline constexpr std::string_view kCategorySeparator = ", ";
inline constexpr std::string_view kRefusalHead = "\nRefusal: ";
inline constexpr std::string_view kRefusalYes = "Yes";
inline constexpr std::string_view kRefusalNo = "No";

}  // namespace parapet
