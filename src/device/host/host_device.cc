#include "device/host/host_device.h"

#include <limits>
#include <string>

#include "device/host/host_linear.h"
#include "device/host/host_memory.h"
#include "device/host/host_packed_linear.h"
#include "device/host/host_stream.h"

namespace parapet {

Result<std::unique_ptr<Buffer>> HostDevice::allocate(std::size_t bytes) {
  return allocate_host_buffer(bytes);
}

Result<std::unique_ptr<Stream>> HostDevice::create_stream() {
  return std::unique_ptr<Stream>(std::make_unique<HostStream>());
}

Result<std::unique_ptr<LinearWeight>> HostDevice::load_linear(std::span<const TensorView> parts) {
  return HostLinear::make(parts);
}

Result<std::unique_ptr<LinearWeight>> HostDevice::load_packed_linear(
    std::span<const PackedMatrix> parts) {
  return HostPackedLinear::make(parts);
}

Result<std::unique_ptr<Buffer>> HostDevice::load_tensor(const TensorView& host) {
  return alias_host_memory(host.data(), host.bytes());
}

const LinearWeight& own_linear(const LinearWeight& weight) {
  const bool ours = dynamic_cast<const HostLinear*>(&weight) != nullptr ||
                    dynamic_cast<const HostPackedLinear*>(&weight) != nullptr;
  PARAPET_CHECK(ours && "a weight of another device");
  return weight;
}

Status check_kv_cache_spec(const KvCacheSpec& spec) {
  const auto refuse = [](const char* field, std::int64_t value, const char* expected) {
    return Error{ErrorCode::kInvalidArgument, std::string("KV cache: ") + field + " is " +
                                                  std::to_string(value) + ", expected " + expected};
  };
  if (spec.num_layers <= 0) return refuse("num_layers", spec.num_layers, "at least 1");
  if (spec.num_blocks < 0) return refuse("num_blocks", spec.num_blocks, "at least 0");
  if (spec.block_size <= 0) return refuse("block_size", spec.block_size, "at least 1");
  if (spec.num_kv_heads <= 0) return refuse("num_kv_heads", spec.num_kv_heads, "at least 1");
  if (spec.head_dim <= 0 || spec.head_dim % 2 != 0) {
    return refuse("head_dim", spec.head_dim, "a positive even number");
  }
  if (spec.dtype != DType::kF32 && spec.dtype != DType::kBF16 && spec.dtype != DType::kI8) {
    return Error{ErrorCode::kUnsupported, std::string("KV cache: dtype is ") +
                                              dtype_name(spec.dtype) +
                                              ", expected float32, bfloat16 or int8"};
  }
  const std::int64_t slots = std::int64_t{spec.num_blocks} * spec.block_size;
  if (slots > std::numeric_limits<std::int32_t>::max()) {
    return refuse("num_blocks * block_size", slots, "what an int32 slot can name");
  }
  // Sizes are products of these; room for a backend's padding is left.
  const double elements = static_cast<double>(slots) * spec.num_layers * spec.num_kv_heads *
                          static_cast<double>(spec.head_dim);
  if (elements > 0x1p50) {
    return Error{ErrorCode::kResourceExhausted, "KV cache: more than 2^50 elements"};
  }
  return {};
}

}  // namespace parapet
