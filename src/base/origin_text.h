// Text in which every byte knows where it came from: our first security promise rests on it.
//
// A chat template mixes its own words (which may spell special tokens) with words of messages
// (which may not). OriginText carries the difference through rendering to the tokenizer: an added
// token is recognised only where all of its bytes are of Origin::kTemplate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parapet {

enum class Origin : std::uint8_t {
  kTemplate,  // written by whoever made the checkpoint
  kMessage,   // came with the request: content, role, tools, template arguments
};

class OriginText {
 public:
  // Bytes [previous run's end, end) are of this origin. Runs are not empty, neighbours differ.
  struct Run {
    std::size_t end;
    Origin origin;
    bool operator==(const Run&) const = default;
  };

  OriginText() = default;
  OriginText(std::string_view text, Origin origin) { append(text, origin); }

  const std::string& text() const { return text_; }
  const std::vector<Run>& runs() const { return runs_; }
  std::size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }

  void append(std::string_view text, Origin origin);
  void append(const OriginText& other);

  // Bytes [begin, begin + length), clipped to the end, with their origins.
  OriginText substr(std::size_t begin, std::size_t length = std::string::npos) const;

  // The origin of one byte. Logarithmic in the number of runs.
  Origin origin_at(std::size_t byte) const;
  // True where every byte of [begin, end) is the template's own. An empty range is.
  bool all_template(std::size_t begin, std::size_t end) const;

  bool operator==(const OriginText&) const = default;

 private:
  std::string text_;
  std::vector<Run> runs_;
};

}  // namespace parapet
