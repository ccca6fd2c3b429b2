#include "checkpoint/quantization.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/quote.h"
#include "base/refusal.h"

namespace parapet {
std::string group_size_list() {
  std::string list;
  for (std::size_t i = 0; i < std::size(kGroupSizes); ++i) {
    list.append(i == 0 ? "" : i + 1 == std::size(kGroupSizes) ? " or " : ", ");
    list.append(std::to_string(kGroupSizes[i]));
  }
  return list;
}

Result<QuantizationScheme> QuantizationScheme::of(const QuantizationChoice& choice,
                                                  std::int64_t num_layers) {
  const auto known = weight_format_from_name(choice.format);
  if (!known) return refused("quantization", quote(choice.format), "\"int8\" or \"int4\"");
  if (choice.group_size != 0 && !is_group_size(choice.group_size)) {
    return refused("group_size", std::to_string(choice.group_size), group_size_list());
  }
  const std::int64_t most = num_layers - 1;
  QuantizationScheme scheme;
  scheme.dense_layers = choice.dense_layers.value_or(std::min(kDefaultDenseLayers, most));
  PARAPET_TRY(check_range("dense_layers", scheme.dense_layers, 0, most));
  scheme.format = *known;
  scheme.input_factors = true;
  scheme.group_size = choice.group_size == 0 ? default_group_size(*known) : choice.group_size;
  scheme.head_group_size = kHeadGroupSize;
  return scheme;
}

std::int64_t CompressedTensorsScheme::packed_group_size() const {
  std::int64_t largest = 0;
  for (const std::int64_t size : kGroupSizes) {
    if (group_size % size == 0) largest = std::max(largest, size);
  }
  return largest;
}

}  // namespace parapet
