// Keeps the ids of added tokens out of what messages encode to, where a vocabulary holds them too.
#pragma once

#include <unordered_map>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace parapet {

// A vocabulary may contain an added token's own string, and merges may lead to it. Such an id in a
// message is broken up again: into the pair that merges into it or, where none does, into what
// merging its bytes gives.
class ReservedTokens {
 public:
  // No added token of the vocabulary stands for a single byte: that could not be broken up.
  ReservedTokens(const std::vector<AddedToken>& added, const BpeModel& bpe);

  bool empty() const { return parts_.empty(); }
  bool contains(TokenId id) const { return parts_.count(id) != 0; }
  // Appends tokens that stand for the same bytes, none of them reserved.
  void append_parts(TokenId id, std::vector<TokenId>& out) const;

 private:
  std::unordered_map<TokenId, std::vector<TokenId>> parts_;
};

}  // namespace parapet
