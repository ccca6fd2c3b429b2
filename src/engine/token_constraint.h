// A rule that an answer must follow, told token by token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parapet/types.h"

namespace parapet {

// One bit a token of the vocabulary.
class TokenMask {
 public:
  explicit TokenMask(std::int64_t vocab_size) : bits_(static_cast<std::size_t>(vocab_size)) {}

  std::int64_t size() const { return std::ssize(bits_); }
  bool test(TokenId id) const { return bits_[static_cast<std::size_t>(id)]; }
  void set(TokenId id) { bits_[static_cast<std::size_t>(id)] = true; }
  void clear() { bits_.assign(bits_.size(), false); }

 private:
  std::vector<bool> bits_;
};

// What it says depends on the output so far and on nothing else. Engines call it from one thread.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // Sets the bit of each token that may follow `output`; `mask` comes cleared, vocab_size wide. End
  // tokens are set where the answer may end. No bit at all fails the request.
  virtual void allow(std::span<const TokenId> output, TokenMask& mask) const = 0;
};

}  // namespace parapet
