#include "precision/side_spec.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/check.h"
#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::array<std::string_view, 2> kDevices = {"cpu", "reference"};
constexpr std::array<std::string_view, 4> kFormats = {"float32", "bfloat16", "int8", "int4"};
// What people will try, and what to do instead.
constexpr std::array<std::string_view, 4> kAccelerators = {"cuda", "ascend", "npu", "gpu"};
constexpr const char* kExpected =
    "expected 'served', a device and a format like 'cpu:float32', 'cpu:bfloat16', 'cpu:int8', "
    "'cpu:int4' or 'reference:float32', the http:// URL of a server, or a .safetensors file of "
    "dumped logits";

template <std::size_t n>
bool among(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Error wrong(const std::string& text, const std::string& what) {
  return {ErrorCode::kInvalidArgument, "side " + quote(text) + ": " + what};
}

}  // namespace

Result<SideSpec> parse_side(const std::string& text) {
  SideSpec side;
  side.text = text;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    side.kind = SideSpec::Kind::kServer;
    return side;
  }
  if (text.ends_with(".safetensors")) {
    side.kind = SideSpec::Kind::kDump;
    return side;
  }
  if (text == "served") {
    side.format = text;
    return side;
  }
  const std::size_t colon = text.find(':');
  std::string device = text.substr(0, colon);
  if (const std::size_t at = device.find('@'); at != std::string::npos) {
    side.isa = device.substr(at + 1);
    device.resize(at);
    if (side.isa.empty() || device != "cpu") return wrong(text, kExpected);
  }
  if (among(kAccelerators, device)) {
    return Error{ErrorCode::kUnsupported,
                 "side " + quote(text) + ": this build has no device '" + device +
                     "'; serve the model on it with vLLM or vLLM-Ascend, and name that server's "
                     "http:// URL"};
  }
  if (!among(kDevices, device) || colon == std::string::npos) return wrong(text, kExpected);
  side.device = device;
  side.format = text.substr(colon + 1);
  if (!among(kFormats, side.format)) {
    return wrong(text, "format " + quote(side.format) +
                           ", expected 'float32', 'bfloat16', 'int8' or 'int4'");
  }
  return side;
}

Result<ModelOptions> local_options(const SideSpec& side, const ModelOptions& options,
                                   const std::string& stored_format) {
  ModelOptions local = options;
  if (side.format == "served") return local;
  local.device = side.device;
  local.quantization.clear();
  local.activation_dtype = "float32";
  local.kv_cache_dtype = "auto";
  const bool quantized = side.format == "int8" || side.format == "int4";
  if (!quantized) return local;
  if (stored_format.empty()) {
    local.quantization = side.format;
  } else if (stored_format != side.format) {
    return wrong(side.text, "the checkpoint's weights are " + stored_format +
                                " already; compare 'cpu:" + stored_format + "' or 'served'");
  }
  return local;
}

}  // namespace parapet
