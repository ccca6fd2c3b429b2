#include "text/reserved_tokens.h"

namespace parapet {

ReservedTokens::ReservedTokens(const std::vector<AddedToken>& added, const BpeModel& bpe) {
  std::unordered_map<TokenId, std::uint32_t> ranks;  // of the merges in parts_
  for (const AddedToken& token : added) {
    // Merges and pieces are made of bytes: they reach no token that is spelled otherwise.
    if (bpe.vocabulary().find_bytes(bpe.vocabulary().bytes(token.id)) != token.id) continue;
    parts_[token.id];
    ranks[token.id] = Merge::kNever;
  }
  if (parts_.empty()) return;
  bpe.merges().for_each([&](TokenId left, TokenId right, Merge merge) {
    const auto rank = ranks.find(merge.token);
    if (rank == ranks.end() || merge.rank >= rank->second) return;
    rank->second = merge.rank;
    parts_[merge.token] = {left, right};
  });
  for (auto& [id, parts] : parts_) {
    if (parts.empty()) bpe.merge(bpe.vocabulary().bytes(id), parts);
  }
}

void ReservedTokens::append_parts(TokenId id, std::vector<TokenId>& out) const {
  std::vector<TokenId> open = {id};  // a stack; every part is shorter than its whole
  while (!open.empty()) {
    const auto found = parts_.find(open.back());
    if (found == parts_.end()) {
      out.push_back(open.back());
      open.pop_back();
      continue;
    }
    open.pop_back();
    open.insert(open.end(), found->second.rbegin(), found->second.rend());
  }
}

}  // namespace parapet
