// The header of one safetensors file: 8 bytes of length, JSON, then the tensors' bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "parapet/error.h"

namespace parapet {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and weights are used in place");

struct SafetensorsEntry {
  std::string name;
  std::string_view dtype_name;  // as in the file: "BF16", "I64", ...
  std::optional<DType> dtype;   // where weights may be made of it
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;  // inside the file; length agrees with dtype and shape
};

// The tensors of a file, in the order of their bytes; `file_name` stands in errors. Checked: the
// header's length and JSON, every offset, and that the tensors cover the data without overlap,
// hole or rest. The result points into `file`.
Result<std::vector<SafetensorsEntry>> parse_safetensors(std::string_view file_name,
                                                        std::span<const std::byte> file);

}  // namespace parapet
