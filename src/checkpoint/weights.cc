#include "checkpoint/weights.h"

#include <optional>
#include <unordered_map>

#include "base/check.h"
#include "checkpoint/dummy_weights.h"
#include "checkpoint/match_tensors.h"
#include "checkpoint/shards.h"

namespace parapet {

// Where the bytes are (mapped shards or dummy memory), and the tensors that point there.
struct Weights::Impl {
  std::vector<Shard> shards;
  std::optional<AnonymousMemory> memory;
  std::unordered_map<std::string, WeightTensor> tensors;  // the dense ones
  std::unordered_map<std::string, PackedMatrix> packed;   // the others
  WeightsSummary summary;

  void add(const std::vector<ExpectedTensor>& expected, std::vector<WeightTensor> found) {
    PARAPET_CHECK(expected.size() == found.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::int64_t count = 1;
      for (const std::int64_t extent : found[i].shape) count *= extent;
      summary.num_tensors += 1;
      summary.num_parameters += count;
      summary.bytes += static_cast<std::uint64_t>(count) * dtype_size(found[i].dtype);
      tensors.emplace(expected[i].name, std::move(found[i]));
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
  PARAPET_ASSIGN(std::vector<WeightTensor> tensors, match_tensors(directory, impl->shards, config));
  impl->add(expected_tensors(config), std::move(tensors));
  for (const Shard& shard : impl->shards) impl->summary.shards.push_back(shard.path);
  return Weights(std::move(impl));
}

Result<Weights> Weights::dummy(const ModelConfig& config, std::uint64_t seed, int num_threads,
                               const Progress& progress) {
  const std::vector<ExpectedTensor> expected = expected_tensors(config);
  PARAPET_ASSIGN(DummyWeights made,
                 make_dummy_weights(expected, config.dtype, seed, num_threads, progress));
  auto impl = std::make_unique<Impl>();
  impl->memory = std::move(made.memory);
  impl->add(expected, std::move(made.tensors));
  return Weights(std::move(impl));
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

}  // namespace parapet
