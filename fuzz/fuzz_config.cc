// Any text as config.json and generation_config.json: refused with one line, or sizes whose
// products hold.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "checkpoint/config.h"

namespace {

void expect_one_line(const parapet::Error& error) {
  if (error.message.empty() || error.message.find('\n') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parapet::ModelConfig::parse("fuzz", text);
  if (!config) {
    expect_one_line(config.error());
  } else if (config->num_parameters() <= 0 ||
             config->kv_bytes_per_token(parapet::DType::kF32) <= 0) {
    std::abort();
  }
  const auto generation = parapet::GenerationConfig::parse("fuzz", text);
  if (!generation) expect_one_line(generation.error());
  return 0;
}
