#include "checkpoint/weights.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "base/quote.h"
#include "base/refusal.h"
#include "checkpoint/compressed_tensors.h"
#include "checkpoint/dummy_weights.h"
#include "checkpoint/input_factors.h"
#include "checkpoint/match_tensors.h"
#include "checkpoint/quantize.h"
#include "checkpoint/shards.h"
#include "checkpoint/tensor_values.h"

namespace parapet {

// Where the bytes are (mapped shards, memory), and the tensors that point there. A tensor is dense,
// packed, or waits to be repacked.
struct Weights::Impl {
  std::vector<Shard> shards;
  std::vector<AnonymousMemory> memory;
  std::vector<ExpectedTensor> expected;
  std::unordered_map<std::string, WeightTensor> tensors;
  std::unordered_map<std::string, PackedMatrix> packed;
  std::unordered_map<std::string, MatchedTensor> compressed;
  std::optional<CompressedTensorsScheme> compressed_scheme;
  WeightsSummary summary;

  void add(const std::string& name, MatchedTensor match) {
    if (match.storage == Storage::kDense) {
      tensors.emplace(name, match.parts[0].tensor());
    } else if (match.storage == Storage::kPanels) {
      PackedMatrix matrix{match.packed, as_codes(match.parts[0]), as_halves(match.parts[1])};
      if (match.packed.has_input_factors)
        matrix.input_factors = as_halves(match.parts[kFactorsPart]);
      packed.emplace(name, matrix);
    } else {
      compressed.emplace(name, std::move(match));
    }
  }

  static const std::uint8_t* as_codes(const FilePart& part) {
    return reinterpret_cast<const std::uint8_t*>(part.entry->data.data());
  }
  static const std::uint16_t* as_halves(const FilePart& part) {
    return static_cast<const std::uint16_t*>(part.tensor().data);
  }

  // The shape a tensor is packed in, or will be; none: it is dense.
  std::optional<PackedShape> shape_of(const std::string& name) const {
    if (const auto found = packed.find(name); found != packed.end()) return found->second.shape;
    if (const auto found = compressed.find(name); found != compressed.end()) {
      return found->second.packed;
    }
    return std::nullopt;
  }

  void summarize() {
    summary = {};
    for (const Shard& shard : shards) summary.shards.push_back(shard.path);
    for (const ExpectedTensor& tensor : expected) {
      const std::optional<PackedShape> shape = shape_of(tensor.name);
      summary.num_tensors += 1;
      summary.num_parameters += num_elements(tensor.shape);
      summary.bytes += shape ? packed_bytes(*shape) : num_bytes(tensors.at(tensor.name));
      if (!shape || tensor.role != TensorRole::kProjection) continue;
      if (!summary.format) summary.dense_layers = tensor.layer;
      summary.format = shape->format;
      summary.group_size = shape->group_size;
    }
  }
};

Weights::Weights(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Weights::Weights(Weights&&) noexcept = default;
Weights& Weights::operator=(Weights&&) noexcept = default;
Weights::~Weights() = default;

Result<Weights> Weights::open(const std::filesystem::path& directory, const ModelConfig& config) {
  auto impl = std::make_unique<Impl>();
  PARAPET_ASSIGN(impl->shards, open_shards(directory));
  PARAPET_ASSIGN(std::vector<MatchedTensor> matches,
                 match_tensors(directory, impl->shards, config));
  impl->expected = expected_tensors(config);
  impl->compressed_scheme = config.compressed_tensors;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    impl->add(impl->expected[i].name, std::move(matches[i]));
  }
  impl->summarize();
  return Weights(std::move(impl));
}

Result<Weights> Weights::dummy(const ModelConfig& config, std::uint64_t seed, int num_threads,
                               const Progress& progress) {
  auto impl = std::make_unique<Impl>();
  impl->expected = expected_tensors(config);
  PARAPET_ASSIGN(DummyWeights made,
                 make_dummy_weights(impl->expected, config.dtype, seed, num_threads, progress));
  impl->memory.push_back(std::move(made.memory));
  for (std::size_t i = 0; i < made.tensors.size(); ++i) {
    impl->tensors.emplace(impl->expected[i].name, std::move(made.tensors[i]));
  }
  impl->summarize();
  return Weights(std::move(impl));
}

Status Weights::repack(int num_threads, const Progress& progress) {
  std::vector<std::string> names;
  std::vector<PackedShape> shapes;
  std::uint64_t total = 0;
  for (const ExpectedTensor& tensor : impl_->expected) {
    const auto found = impl_->compressed.find(tensor.name);
    if (found == impl_->compressed.end()) continue;
    names.push_back(tensor.name);
    shapes.push_back(found->second.packed);
    total += packed_bytes(found->second.packed);
  }
  if (names.empty()) return {};
  PARAPET_ASSIGN(PackedMemory made, PackedMemory::reserve(shapes));
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const MatchedTensor& match = impl_->compressed.at(names[i]);
    PARAPET_TRY(::parapet::repack(match, *impl_->compressed_scheme, made.buffers[i], num_threads));
    drop_pages(match.parts[0].entry->data);
    impl_->packed.emplace(names[i], made.buffers[i].matrix());
    done += packed_bytes(shapes[i]);
    if (progress) progress(done, total);
  }
  impl_->compressed.clear();
  impl_->memory.push_back(std::move(made.memory));
  return {};
}

Status Weights::quantize(const QuantizationScheme& scheme, int num_threads,
                         const Progress& progress) {
  if (impl_->summary.format == scheme.format) return {};
  if (impl_->summary.format) {
    return refused("quantization", quote(weight_format_name(scheme.format)),
                   quote(weight_format_name(*impl_->summary.format)) +
                       ", in which the checkpoint is quantized already, or nothing");
  }
  std::vector<std::string> names;
  std::vector<PackedShape> shapes;
  std::uint64_t total = 0;
  for (const ExpectedTensor& tensor : impl_->expected) {
    const auto shape = packed_shape(tensor, scheme);
    if (!shape) continue;
    names.push_back(tensor.name);
    shapes.push_back(*shape);
    total += num_bytes(at(tensor.name));
  }
  PARAPET_ASSIGN(PackedMemory made, PackedMemory::reserve(shapes));
  InputFactors factors(*this, num_threads);
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const WeightTensor& dense = at(names[i]);
    factors.fill(names[i], made.buffers[i]);
    std::function<void(std::int64_t)> report;
    if (progress) {
      report = [&](std::int64_t panels) {
        progress(done + num_bytes(dense) / static_cast<std::uint64_t>(shapes[i].panels()) *
                            static_cast<std::uint64_t>(panels),
                 total);
      };
    }
    PARAPET_TRY(quantize_matrix(dense, where(names[i]), made.buffers[i], num_threads, report));
    done += num_bytes(dense);
    drop_pages({static_cast<const std::byte*>(dense.data), num_bytes(dense)});
    impl_->tensors.erase(names[i]);
    impl_->packed.emplace(names[i], made.buffers[i].matrix());
  }
  if (progress) progress(total, total);
  impl_->memory.push_back(std::move(made.memory));
  impl_->summarize();
  return {};
}

const PackedMatrix* Weights::packed(std::string_view name) const {
  const auto found = impl_->packed.find(std::string(name));
  return found == impl_->packed.end() ? nullptr : &found->second;
}

const WeightTensor& Weights::at(std::string_view name) const {
  const auto found = impl_->tensors.find(std::string(name));
  PARAPET_CHECK(found != impl_->tensors.end());
  return found->second;
}

const WeightsSummary& Weights::summary() const { return impl_->summary; }

std::string Weights::where(std::string_view name) const {
  const auto* data = static_cast<const std::byte*>(at(name).data);
  for (const Shard& shard : impl_->shards) {
    const std::span<const std::byte> bytes = shard.file.bytes();
    if (std::less_equal()(bytes.data(), data) && std::less()(data, bytes.data() + bytes.size())) {
      return shard.path.string() + ": tensor " + quote(name);
    }
  }
  return "tensor " + quote(name);
}

}  // namespace parapet
