#include "guard/token_fork.h"

#include <algorithm>

namespace parapet {

std::optional<TokenFork> find_fork(const Tokenizer& tokenizer,
                                   std::span<const std::string> answers) {
  std::vector<std::vector<TokenId>> ids;
  for (const std::string& answer : answers)
    ids.push_back(tokenizer.encode(answer, Origin::kMessage));
  std::size_t shared = ids.empty() ? 0 : ids.front().size();
  for (const auto& other : ids) {
    const auto parted = std::ranges::mismatch(ids.front(), other).in1 - ids.front().begin();
    shared = std::min(shared, static_cast<std::size_t>(parted));
  }
  TokenFork fork;
  for (const auto& each : ids) {
    if (each.size() <= shared) return std::nullopt;
    fork.first_tokens.push_back(each[shared]);
  }
  std::vector<TokenId> sorted = fork.first_tokens;
  std::ranges::sort(sorted);
  if (sorted.empty() || std::ranges::adjacent_find(sorted) != sorted.end()) return std::nullopt;
  fork.head.assign(ids.front().begin(), ids.front().begin() + static_cast<std::ptrdiff_t>(shared));
  return fork;
}

}  // namespace parapet
