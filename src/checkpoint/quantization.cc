#include "checkpoint/quantization.h"

#include <algorithm>
#include <iterator>

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

Result<QuantizationScheme> QuantizationScheme::of(std::string_view format,
                                                  std::int64_t group_size) {
  const auto known = weight_format_from_name(format);
  if (!known) return refused("quantization", quote(format), "\"int8\" or \"int4\"");
  if (group_size != 0 && !is_group_size(group_size)) {
    return refused("group_size", std::to_string(group_size), group_size_list());
  }
  QuantizationScheme scheme;
  scheme.format = *known;
  scheme.group_size = group_size == 0 ? kDefaultGroupSize : group_size;
  scheme.head_group_size = *known == scheme.head_format ? scheme.group_size : kDefaultGroupSize;
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
