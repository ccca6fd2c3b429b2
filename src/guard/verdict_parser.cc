#include "guard/verdict_parser.h"

#include <algorithm>
#include <initializer_list>
#include <span>

namespace parapet {
namespace {

std::string quoted_choice(std::span<const std::string_view> options) {
  std::string words;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i > 0) words += i + 1 == options.size() ? " or " : ", ";
    words += '\'';
    for (const char c : options[i]) {
      if (c == '\n') {
        words += "\\n";
      } else {
        words += c;
      }
    }
    words += '\'';
  }
  return words;
}

// A cursor over the answer. After the first failure it accepts nothing more.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // The index of the option that stands here, which is passed over; nullopt where none does. No
  // option is the beginning of another.
  std::optional<std::size_t> one_of(std::span<const std::string_view> options) {
    if (stopped_) return std::nullopt;
    bool could_become_one = false;
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (rest_.starts_with(options[i])) {
        skip(options[i].size());
        return i;
      }
      could_become_one = could_become_one || options[i].starts_with(rest_);
    }
    stopped_ = true;
    progress_ = could_become_one ? VerdictProgress::kOpen : VerdictProgress::kBroken;
    expected_ = quoted_choice(options);
    return std::nullopt;
  }
  bool word(std::string_view option) { return one_of({&option, 1}).has_value(); }

  bool sees(char next) const { return !stopped_ && rest_.starts_with(next); }

  // Refuses what was just read.
  void fail(std::size_t at, std::string expected) {
    stopped_ = true;
    progress_ = VerdictProgress::kBroken;
    position_ = at;
    expected_ = std::move(expected);
  }

  bool at_end() const { return !stopped_ && rest_.empty(); }
  bool stopped() const { return stopped_; }
  std::size_t position() const { return position_; }
  VerdictProgress progress() const { return progress_; }
  const std::string& expected() const { return expected_; }

 private:
  void skip(std::size_t bytes) {
    rest_.remove_prefix(bytes);
    position_ += bytes;
  }

  std::string_view rest_;
  std::size_t position_ = 0;
  bool stopped_ = false;
  VerdictProgress progress_ = VerdictProgress::kComplete;
  std::string expected_;
};

void read_safety(Reader& reader, ParsedVerdict& verdict) {
  std::vector<std::string_view> labels;
  labels.reserve(kAllSafety.size());
  for (const Safety safety : kAllSafety) labels.emplace_back(to_string(safety));
  if (!reader.word(kSafetyHead)) return;
  if (const auto label = reader.one_of(labels)) verdict.safety = kAllSafety[*label];
}

// "None", or names parted by ", ", up to the end or, in responses, to the refusal line.
void read_categories(Reader& reader, GuardMode mode, ParsedVerdict& verdict) {
  if (!reader.word(kCategoriesHead)) return;
  std::vector<std::string_view> options{kNoCategory};
  // Safe with a category contradicts itself, and a guard must not resolve that to Safe.
  if (verdict.safety != Safety::kSafe) {
    const auto names = category_names(mode);
    options.insert(options.end(), names.begin(), names.end());
  }
  const auto first = reader.one_of(options);
  if (!first || *first == 0) return;
  verdict.categories.emplace_back(options[*first]);
  options.erase(options.begin());

  const bool refusal_follows = mode == GuardMode::kResponse;
  while (!reader.at_end() && !(refusal_follows && reader.sees(kRefusalHead.front()))) {
    if (!reader.word(kCategorySeparator)) return;
    const std::size_t at = reader.position();
    const auto next = reader.one_of(options);
    if (!next) return;
    const std::string name(options[*next]);
    if (std::find(verdict.categories.begin(), verdict.categories.end(), name) !=
        verdict.categories.end()) {
      return reader.fail(at, "a category that was not named before '" + name + "'");
    }
    verdict.categories.push_back(name);
  }
}

void read_refusal(Reader& reader, ParsedVerdict& verdict) {
  if (!reader.word(kRefusalHead)) return;
  const std::string_view answers[] = {kRefusalNo, kRefusalYes};
  if (const auto answer = reader.one_of(answers)) verdict.refusal = *answer == 1;
}

}  // namespace

VerdictReading read_verdict(std::string_view text, GuardMode mode) {
  Reader reader(text);
  VerdictReading reading;
  read_safety(reader, reading.verdict);
  read_categories(reader, mode, reading.verdict);
  if (mode == GuardMode::kResponse) read_refusal(reader, reading.verdict);
  if (!reader.stopped() && !reader.at_end())
    reader.fail(reader.position(), "the end of the answer");
  reading.progress = reader.progress();
  reading.stopped_at = reader.position();
  reading.expected = reader.expected();
  return reading;
}

Result<ParsedVerdict> parse_verdict(std::string_view text, GuardMode mode) {
  VerdictReading reading = read_verdict(text, mode);
  if (reading.progress == VerdictProgress::kComplete) return std::move(reading.verdict);
  const bool ended = reading.progress == VerdictProgress::kOpen;
  return Error{ErrorCode::kMalformedOutput, std::string("the model's answer ") +
                                                (ended ? "ends at" : "leaves the format at") +
                                                " byte " + std::to_string(reading.stopped_at) +
                                                ": expected " + reading.expected};
}

}  // namespace parapet
