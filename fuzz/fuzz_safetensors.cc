// Any bytes as a safetensors file: refused with one line, or tensors that lie inside the bytes.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto tensors = parapet::parse_safetensors("fuzz", file);
  if (!tensors) {
    if (tensors.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  std::uint64_t covered = 0;
  for (const parapet::SafetensorsEntry& tensor : *tensors) {
    if (!tensor.data.empty() && (tensor.data.data() < file.data() ||
                                 tensor.data.data() + tensor.data.size() > file.data() + size)) {
      std::abort();
    }
    covered += tensor.data.size();
  }
  if (covered > size) std::abort();
  return 0;
}
