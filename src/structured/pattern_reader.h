// The characters of a pattern, and errors that say where in it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "parapet/error.h"

namespace parapet {

class PatternReader {
 public:
  // Refuses what is not UTF-8 or is longer than 16 KiB.
  static Result<PatternReader> open(std::string_view pattern);

  // Positions count characters from 0, as Python's re does.
  std::size_t position() const { return at_; }
  void seek(std::size_t position) { at_ = position; }
  bool at_end() const { return at_ == characters_.size(); }

  bool next_is(char32_t c, std::size_t ahead = 0) const {
    return characters_.size() - at_ > ahead && characters_[at_ + ahead] == c;
  }
  bool next_is_any_of(std::u32string_view set) const {
    return !at_end() && set.find(characters_[at_]) != std::u32string_view::npos;
  }
  // Not at the end.
  char32_t take() { return characters_[at_++]; }
  bool take_if(char32_t c);

  // Malformed, at a position.
  Error invalid(std::size_t position, const std::string& what) const;
  // Well formed, but beyond what an automaton over bytes can follow.
  Error unsupported(std::size_t position, const std::string& what) const;

 private:
  PatternReader(std::string_view pattern, std::u32string characters)
      : pattern_(pattern), characters_(std::move(characters)) {}

  Error error(ErrorCode code, std::size_t position, const std::string& what) const;

  std::string pattern_;
  std::u32string characters_;
  std::size_t at_ = 0;
};

}  // namespace parapet
