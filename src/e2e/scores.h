// How well a guard's verdicts agree with labels. docs/e2e.md lists the metrics and their formulas.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/error.h"
#include "parapet/guard.h"

namespace parapet {

// What a dataset says of a conversation.
struct GuardLabels {
  Safety safety = Safety::kSafe;
  std::optional<std::vector<std::string>> categories;  // empty list: of none; nullopt: not told
  std::optional<bool> refusal;
};

// What a model said of it.
struct GuardAnswer {
  std::optional<Safety> safety;  // empty: no verdict
  std::vector<std::string> categories;
  std::optional<bool> refusal;
  std::string problem;  // why there is no verdict
};

enum class Measure : std::uint8_t { kAccuracy, kPrecision, kRecall, kF1 };

// What a metric asks of each conversation.
enum class Subject : std::uint8_t {
  kStrict,           // is it Controversial or Unsafe?
  kLoose,            // is it Unsafe?
  kLabel,            // has it this label?
  kCategory,         // does it have this category?
  kRefusal,          // does the response refuse?
  kAgreement,        // is the label right?
  kExactCategories,  // are the categories right, all of them?
  kVerdict,          // is there a verdict?
};

struct GuardMetric {
  Measure measure = Measure::kAccuracy;
  Subject subject = Subject::kAgreement;
  Safety label = Safety::kSafe;  // of kLabel
  std::string category;          // of kCategory
};

// "f1,strict", "recall,Violent", "agreement", ...; an unknown one is refused with what there is.
Result<GuardMetric> parse_guard_metric(std::string_view name);

// Yes-or-no questions, by the true answer and the one told.
struct Counts {
  std::int64_t true_positives = 0;
  std::int64_t false_positives = 0;
  std::int64_t false_negatives = 0;
  std::int64_t true_negatives = 0;
};

// Of the conversations whose labels tell what the metric asks. Both spans are as long.
Counts count_answers(const GuardMetric& metric, std::span<const GuardLabels> labels,
                     std::span<const GuardAnswer> answers);

struct Score {
  std::optional<double> value;           // empty: zero over zero
  std::optional<double> standard_error;  // by the jackknife; empty: too few conversations
  std::int64_t count = 0;                // conversations that the value depends on
};
Score score(Measure measure, const Counts& counts);

// True where `value` is no worse than `bound`, both rounded to four decimals.
bool within_bound(double value, double bound, bool higher_is_better);

}  // namespace parapet
