// Writes safetensors files, for tests: good ones, and bad ones from a header of one's own.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/weights.h"

namespace parapet {

// The bytes of a file whose header is this JSON, whatever it says.
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(header).append(data);
}

// One tensor to be written; `data` as it stands in the file.
struct WrittenTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string data;
};

// Tensors by name, written as safetensors does: wide types first, so that all are aligned; then in
// the order of their names; the header padded to 8 bytes.
class SafetensorsWriter {
 public:
  WrittenTensor& operator[](const std::string& name) { return tensors_[name]; }
  void erase(const std::string& name) { tensors_.erase(name); }
  const std::map<std::string, WrittenTensor>& tensors() const { return tensors_; }

  std::string bytes() const {
    std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
    std::string data;
    for (const std::string_view type : kWideFirst) {
      for (const auto& [name, tensor] : tensors_) {
        if (type_class(tensor.dtype) == type) append(name, tensor, header, data);
      }
    }
    header += "}";
    header.append((8 - header.size() % 8) % 8, ' ');
    return safetensors_bytes(header, data);
  }

 private:
  static constexpr std::string_view kWideFirst[] = {"I64", "I32", "F32", "BF16", "F16", ""};

  static std::string_view type_class(std::string_view dtype) {
    for (const std::string_view type : kWideFirst) {
      if (dtype == type) return type;
    }
    return "";
  }

  static void append(const std::string& name, const WrittenTensor& tensor, std::string& header,
                     std::string& data) {
    header.append(",\"").append(name).append("\":{\"dtype\":\"").append(tensor.dtype);
    header.append("\",\"shape\":[");
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      header.append(i == 0 ? "" : ",").append(std::to_string(tensor.shape[i]));
    }
    header.append("],\"data_offsets\":[").append(std::to_string(data.size()));
    data.append(tensor.data);
    header.append(",").append(std::to_string(data.size())).append("]}");
  }

  std::map<std::string, WrittenTensor> tensors_;
};

// A bfloat16 tensor of this shape; every element has these bits.
inline WrittenTensor bf16_tensor(std::vector<std::int64_t> shape, std::uint16_t bits) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  std::string data;
  for (std::int64_t i = 0; i < count; ++i) {
    data.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return {"BF16", std::move(shape), std::move(data)};
}

// A whole checkpoint of the configuration: every scale and weight is 1.0.
inline SafetensorsWriter writer_for(const ModelConfig& config) {
  SafetensorsWriter writer;
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    writer[tensor.name] = bf16_tensor(tensor.shape, 0x3f80);
  }
  return writer;
}

}  // namespace parapet
