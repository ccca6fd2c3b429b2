#include "precision/error_tables.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/check.h"

namespace parapet {
namespace {

// More than the order of float sums ever gives an op.
constexpr double kFloatSums = 1e-4;

// Calls each(actual, expected) for each position's values.
template <class Each>
void for_each_position(std::span<const float> actual, std::span<const float> expected,
                       std::size_t features, const Each& each) {
  PARAPET_CHECK(actual.size() == expected.size() && features > 0);
  for (std::size_t begin = 0; begin < expected.size(); begin += features) {
    each(actual.subspan(begin, features), expected.subspan(begin, features));
  }
}

// Root mean square over the positions of all prompts.
double rms_error(std::span<const ProbeOutput> actual, std::span<const ProbeOutput> expected,
                 std::size_t op) {
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const OpOutput& output = expected[i].ops[op];
    for_each_position(actual[i].ops[op].values, output.values,
                      static_cast<std::size_t>(output.features),
                      [&](std::span<const float> a, std::span<const float> e) {
                        const double error = relative_l2(a, e);
                        sum += error * error;
                        ++count;
                      });
  }
  return count == 0 ? 0 : std::sqrt(sum / static_cast<double>(count));
}

LayerError layer_error(std::span<const ProbeOutput> candidate, std::span<const ProbeOutput> own,
                       std::span<const ProbeOutput> reference, std::size_t index,
                       std::size_t hidden_size) {
  LayerError error;
  error.layer = static_cast<int>(index) - 1;
  error.min_cosine = 1;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const auto& expected = reference[i].hidden[index];
    for_each_position(candidate[i].hidden[index], expected, hidden_size,
                      [&](std::span<const float> a, std::span<const float> e) {
                        const double cosine = cosine_similarity(a, e);
                        error.relative_l2 += relative_l2(a, e);
                        error.cosine += cosine;
                        error.min_cosine = std::min(error.min_cosine, cosine);
                        ++count;
                      });
    for_each_position(own[i].hidden[index], expected, hidden_size,
                      [&](std::span<const float> a, std::span<const float> e) {
                        error.own_relative_l2 += relative_l2(a, e);
                      });
  }
  if (count == 0) return error;
  error.relative_l2 /= static_cast<double>(count);
  error.cosine /= static_cast<double>(count);
  error.own_relative_l2 /= static_cast<double>(count);
  return error;
}

}  // namespace

std::vector<ProbePrompt> first_positions(std::span<const ProbePrompt> prompts,
                                         std::int64_t max_positions) {
  std::vector<ProbePrompt> first;
  for (const ProbePrompt& prompt : prompts) {
    const std::int64_t count = std::min(std::ssize(prompt.ids), max_positions);
    if (count == 0) break;
    ProbePrompt& own = first.emplace_back();
    own.ids.assign(prompt.ids.begin(), prompt.ids.begin() + count);
    own.positions.resize(own.ids.size());
    std::iota(own.positions.begin(), own.positions.end(), 0);
    max_positions -= count;
  }
  return first;
}

std::int64_t num_positions(std::span<const ProbePrompt> prompts) {
  std::int64_t count = 0;
  for (const ProbePrompt& prompt : prompts) count += std::ssize(prompt.positions);
  return count;
}

std::vector<LayerError> layer_errors(std::span<const ProbeOutput> candidate,
                                     std::span<const ProbeOutput> own,
                                     std::span<const ProbeOutput> reference,
                                     std::size_t hidden_size) {
  std::vector<LayerError> errors;
  if (reference.empty()) return errors;
  for (std::size_t index = 0; index < reference[0].hidden.size(); ++index) {
    errors.push_back(layer_error(candidate, own, reference, index, hidden_size));
  }
  return errors;
}

std::vector<OpError> op_errors(std::span<const ProbeOutput> candidate,
                               std::span<const ProbeOutput> own,
                               std::span<const ProbeOutput> reference) {
  std::vector<OpError> errors;
  if (reference.empty()) return errors;
  for (std::size_t op = 0; op < reference[0].ops.size(); ++op) {
    errors.push_back({.layer = reference[0].ops[op].layer,
                      .op = reference[0].ops[op].op,
                      .relative_l2 = rms_error(candidate, reference, op),
                      .own_relative_l2 = rms_error(own, reference, op)});
  }
  return errors;
}

std::vector<OperatorError> operator_errors(std::span<const OpError> ops) {
  struct Sum {
    OperatorError error;
    double squares = 0;
    int count = 0;
  };
  std::map<OpName, Sum> sums;
  for (const OpError& op : ops) {
    Sum& sum = sums[op.op];
    if (sum.count == 0 || op.own_relative_l2 > sum.error.worst_own_relative_l2) {
      sum.error = {.op = op.op,
                   .own_relative_l2 = 0,
                   .worst_layer = op.layer,
                   .worst_own_relative_l2 = op.own_relative_l2};
    }
    sum.squares += op.own_relative_l2 * op.own_relative_l2;
    ++sum.count;
  }
  std::vector<OperatorError> errors;
  for (auto& [name, sum] : sums) {
    sum.error.own_relative_l2 = std::sqrt(sum.squares / sum.count);
    errors.push_back(sum.error);
  }
  std::ranges::stable_sort(errors, std::ranges::greater(), &OperatorError::own_relative_l2);
  return errors;
}

std::optional<OpError> suspect_op(std::span<const OpError> ops, std::int64_t dense_layers) {
  std::map<OpName, std::vector<double>> by_name;
  for (const OpError& op : ops) {
    const bool dense = op.layer >= 0 && op.layer < dense_layers;
    if (!dense) by_name[op.op].push_back(op.own_relative_l2);
  }
  std::map<OpName, double> bounds;
  for (auto& [name, errors] : by_name) {
    const auto middle = errors.begin() + (std::ssize(errors) - 1) / 2;
    std::nth_element(errors.begin(), middle, errors.end());
    bounds[name] = std::max(Attribution::kOutOfLine * *middle, kFloatSums);
  }
  for (const OpError& op : ops) {
    if (!(op.own_relative_l2 <= bounds[op.op])) return op;  // or it is NaN
  }
  return std::nullopt;
}

}  // namespace parapet
