#include "structured/code_point_set.h"

#include <algorithm>
#include <utility>

namespace parapet {
namespace {

constexpr char32_t kLastBeforeSurrogates = 0xD7FF;
constexpr char32_t kFirstAfterSurrogates = 0xE000;
constexpr char32_t kLastCodePoint = 0x10FFFF;

std::vector<CodePointRange> without_surrogates(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> kept;
  for (const auto [first, last] : ranges) {
    if (first <= kLastBeforeSurrogates) {
      kept.push_back({first, std::min(last, kLastBeforeSurrogates)});
    }
    if (last >= kFirstAfterSurrogates) {
      kept.push_back({std::max(first, kFirstAfterSurrogates), last});
    }
  }
  return kept;
}

}  // namespace

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) {
  ranges = without_surrogates(ranges);
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const CodePointRange& range : ranges) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

CodePointSet CodePointSet::complement() const {
  std::vector<CodePointRange> gaps;
  char32_t next = 0;
  for (const auto [first, last] : ranges_) {
    if (first > next) gaps.push_back({next, first - 1});
    next = last + 1;
  }
  if (next <= kLastCodePoint) gaps.push_back({next, kLastCodePoint});
  return CodePointSet(std::move(gaps));
}

}  // namespace parapet
