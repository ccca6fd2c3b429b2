#include "checkpoint/quantized_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/output_file.h"
#include "checkpoint/input_factors.h"
#include "checkpoint/quantize.h"
#include "checkpoint/safetensors_layout.h"
#include "checkpoint/stored_tensors.h"
#include "checkpoint/tensor_values.h"

namespace parapet {
namespace {

const char* file_dtype(DType dtype) {
  switch (dtype) {
    case DType::kBF16: return "BF16";
    case DType::kF16: return "F16";
    default: return "F32";
  }
}

// "model.layers.3.mlp.up_proj.weight" is an up_proj.
std::string kind_of(const std::string& name) {
  const std::size_t end = name.rfind('.');
  const std::size_t begin = name.rfind('.', end - 1);
  return name.substr(begin + 1, end - begin - 1);
}

std::span<const std::byte> bytes_of(const WeightTensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data), num_bytes(tensor)};
}

class Writer {
 public:
  Writer(const Weights& weights, const ModelConfig& config, const QuantizationScheme& scheme,
         const QuantizeRun& run)
      : weights_(weights),
        expected_(expected_tensors(config)),
        scheme_(scheme),
        run_(run),
        factors_(weights, run.num_threads) {}

  Result<QuantizedFiles> write(const std::filesystem::path& directory) {
    layout_ = lay_out(entries());
    PARAPET_TRY(create_files(directory));
    PARAPET_TRY(reserve_memory());
    for (const ExpectedTensor& tensor : expected_) {
      if (run_.should_stop && run_.should_stop()) {
        return Error{ErrorCode::kCancelled, directory.string() + ": interrupted"};
      }
      PARAPET_TRY(write_tensor(tensor));
    }
    for (OutputFile& file : files_) PARAPET_TRY(file.finish());
    if (run_.progress) run_.progress(total_, total_);
    for (KindError& kind : result_.kinds) {
      kind.mean_error /= static_cast<double>(kind.num_tensors);
    }
    return std::move(result_);
  }

 private:
  struct Place {
    std::size_t file = 0;
    std::uint64_t offset = 0;
  };

  std::vector<NewEntry> entries() {
    std::vector<NewEntry> all;
    for (const ExpectedTensor& tensor : expected_) {
      const WeightTensor& dense = weights_.at(tensor.name);
      const auto packed = packed_shape(tensor, scheme_);
      if (!packed) {
        all.push_back({tensor.name, file_dtype(dense.dtype), dense.shape, num_bytes(dense)});
        continue;
      }
      total_ += num_bytes(dense);
      for (StoredPart& part : panels_tensor(tensor, *packed).parts) {
        const std::uint64_t element_size = part.dtypes[0] == "BF16" ? 2 : 1;
        const auto count = static_cast<std::uint64_t>(num_elements(part.shape));
        all.push_back({std::move(part.name), std::string(part.dtypes[0]), std::move(part.shape),
                       count * element_size});
      }
    }
    return all;
  }

  Status create_files(const std::filesystem::path& directory) {
    for (std::size_t i = 0; i < layout_.size(); ++i) {
      const NewFile& file = layout_[i];
      PARAPET_TRY(create_file(directory / file.name, file.bytes));
      PARAPET_TRY(files_.back().write_at(0, std::as_bytes(std::span(file.header))));
      for (const NewEntry& entry : file.entries) places_[entry.name] = {i, entry.offset};
    }
    if (layout_.size() == 1) return {};
    const std::string index = index_json(layout_);
    PARAPET_TRY(create_file(directory / "model.safetensors.index.json", index.size()));
    return files_.back().write_at(0, std::as_bytes(std::span(index)));
  }

  Status create_file(const std::filesystem::path& path, std::uint64_t bytes) {
    PARAPET_ASSIGN(OutputFile file, OutputFile::create(path, bytes));
    files_.push_back(std::move(file));
    result_.files.push_back(path);
    result_.bytes += bytes;
    return {};
  }

  // For the largest matrix; all are made there.
  Status reserve_memory() {
    for (const ExpectedTensor& tensor : expected_) {
      const auto packed = packed_shape(tensor, scheme_);
      if (!packed ||
          (memory_ && packed_bytes(*packed) <= packed_bytes(memory_->buffers[0].shape))) {
        continue;
      }
      PARAPET_ASSIGN(memory_, PackedMemory::reserve({&*packed, 1}));
    }
    return {};
  }

  Status write_tensor(const ExpectedTensor& tensor) {
    const WeightTensor& dense = weights_.at(tensor.name);
    if (const auto packed = packed_shape(tensor, scheme_)) {
      PARAPET_TRY(write_packed(tensor.name, dense, *packed));
    } else {
      PARAPET_TRY(write_entry(tensor.name, bytes_of(dense)));
    }
    drop_pages(bytes_of(dense));
    return {};
  }

  Status write_packed(const std::string& name, const WeightTensor& dense,
                      const PackedShape& shape) {
    std::span<std::byte> memory = memory_->memory.bytes();
    const PackedBuffer buffer = carve(memory, shape);
    factors_.fill(name, buffer);
    std::function<void(std::int64_t)> report;
    if (run_.progress) {
      report = [&](std::int64_t panels) {
        run_.progress(done_ + num_bytes(dense) / static_cast<std::uint64_t>(shape.panels()) *
                                  static_cast<std::uint64_t>(panels),
                      total_);
      };
    }
    PARAPET_ASSIGN(const QuantizationSums sums,
                   quantize_matrix(dense, weights_.where(name), buffer, run_.num_threads, report));
    add_error(name, shape, sums);
    done_ += num_bytes(dense);
    const auto code_bytes = static_cast<std::size_t>(shape.code_bytes());
    const auto num_scales = static_cast<std::size_t>(shape.num_scales());
    PARAPET_TRY(write_entry(name + "_codes", std::as_bytes(std::span(buffer.codes, code_bytes))));
    PARAPET_TRY(write_entry(name + "_scales", std::as_bytes(std::span(buffer.scales, num_scales))));
    if (!shape.has_input_factors) return {};
    const auto num_inputs = static_cast<std::size_t>(shape.in_features);
    return write_entry(name + "_input_factors",
                       std::as_bytes(std::span(buffer.input_factors, num_inputs)));
  }

  Status write_entry(const std::string& name, std::span<const std::byte> bytes) {
    const Place& place = places_.at(name);
    return files_[place.file].write_at(place.offset, bytes);
  }

  void add_error(const std::string& name, const PackedShape& shape, const QuantizationSums& sums) {
    const std::string kind = kind_of(name);
    auto found = std::find_if(result_.kinds.begin(), result_.kinds.end(),
                              [&](const KindError& known) { return known.kind == kind; });
    if (found == result_.kinds.end()) {
      found = result_.kinds.insert(found, {kind, shape.format, shape.group_size});
    }
    const double error = sums.weight == 0 ? 0 : std::sqrt(sums.error / sums.weight);
    found->num_tensors += 1;
    found->mean_error += error;  // a sum until the end
    found->max_error = std::max(found->max_error, error);
  }

  const Weights& weights_;
  const std::vector<ExpectedTensor> expected_;
  const QuantizationScheme& scheme_;
  const QuantizeRun& run_;
  InputFactors factors_;
  std::vector<NewFile> layout_;
  std::vector<OutputFile> files_;  // those of the layout, in its order, and the index
  std::unordered_map<std::string, Place> places_;
  std::optional<PackedMemory> memory_;
  std::uint64_t done_ = 0;   // bytes of dense matrices
  std::uint64_t total_ = 0;  // likewise
  QuantizedFiles result_;
};

}  // namespace

Result<QuantizedFiles> write_quantized(const Weights& weights, const ModelConfig& config,
                                       const QuantizationScheme& scheme,
                                       const std::filesystem::path& directory,
                                       const QuantizeRun& run) {
  return Writer(weights, config, scheme, run).write(directory);
}

}  // namespace parapet
