#include "base/origin_text.h"

#include <algorithm>

namespace parapet {
namespace {

// The run that holds `byte`.
std::vector<OriginText::Run>::const_iterator run_of(const std::vector<OriginText::Run>& runs,
                                                    std::size_t byte) {
  return std::upper_bound(runs.begin(), runs.end(), byte,
                          [](std::size_t at, const OriginText::Run& run) { return at < run.end; });
}

}  // namespace

void OriginText::append(std::string_view text, Origin origin) {
  if (text.empty()) return;
  text_.append(text);
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = text_.size();
  } else {
    runs_.push_back({text_.size(), origin});
  }
}

void OriginText::append(const OriginText& other) {
  if (&other == this) return append(OriginText(other));
  std::size_t begin = 0;
  for (const Run& run : other.runs_) {
    append(std::string_view(other.text_).substr(begin, run.end - begin), run.origin);
    begin = run.end;
  }
}

OriginText OriginText::substr(std::size_t begin, std::size_t length) const {
  OriginText part;
  if (begin >= text_.size()) return part;
  const std::size_t end = length > text_.size() - begin ? text_.size() : begin + length;
  std::size_t at = begin;
  for (auto run = run_of(runs_, begin); at < end; ++run) {
    const std::size_t stop = std::min(run->end, end);
    part.append(std::string_view(text_).substr(at, stop - at), run->origin);
    at = stop;
  }
  return part;
}

Origin OriginText::origin_at(std::size_t byte) const { return run_of(runs_, byte)->origin; }

bool OriginText::all_template(std::size_t begin, std::size_t end) const {
  if (begin >= end) return true;
  const auto run = run_of(runs_, begin);
  return run != runs_.end() && run->origin == Origin::kTemplate && run->end >= end;
}

}  // namespace parapet
