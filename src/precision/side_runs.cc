#include "precision/side_runs.h"

#include <algorithm>

#include "base/check.h"

namespace parapet {
namespace {

constexpr std::int64_t kLogitsAtOnce = std::int64_t{1} << 26;  // 256 MiB
constexpr std::size_t kSequencesAtOnce = 64;

// How many of the sequences are computed together: one, whatever its length, or more.
std::size_t part_of(std::span<const ForcedSequence> sequences, std::int64_t vocab_size) {
  std::int64_t logits = 0;
  std::size_t count = 0;
  while (count < std::min(sequences.size(), kSequencesAtOnce)) {
    logits += std::ssize(sequences[count].positions) * vocab_size;
    if (count > 0 && logits > kLogitsAtOnce) break;
    ++count;
  }
  return count;
}

}  // namespace

Status run_side(Side& side, std::span<const ForcedSequence> sequences, std::int64_t vocab_size,
                const ProgressCallback& on_progress,
                const std::function<Status(std::size_t sequence, SideRows rows)>& take) {
  for (std::size_t begin = 0; begin < sequences.size();) {
    if (on_progress) on_progress("logits", begin, sequences.size());
    const std::size_t count = part_of(sequences.subspan(begin), vocab_size);
    PARAPET_ASSIGN(auto all, side.rows(sequences.subspan(begin, count)));
    for (std::size_t i = 0; i < count; ++i) {
      PARAPET_TRY(take(begin + i, std::move(all[i])));
    }
    begin += count;
  }
  if (on_progress) on_progress("logits", sequences.size(), sequences.size());
  return {};
}

}  // namespace parapet
