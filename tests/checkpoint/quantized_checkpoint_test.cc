// Quantized checkpoints on disk: what is written is what quantizing at load makes, and whatever is
// wrong with a file is told.
#include "checkpoint/quantized_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "base/check.h"
#include "base/file.h"
#include "checkpoint/safetensors_layout.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/shards.h"
#include "checkpoint/tensor_values.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

ModelConfig small_config(bool tied) {
  ModelConfig config;
  config.architecture = "Qwen3ForCausalLM";
  config.vocab_size = 67;
  config.hidden_size = 72;
  config.intermediate_size = 100;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 10;
  config.max_position_embeddings = 16;
  config.tie_word_embeddings = tied;
  config.dtype = DType::kBF16;
  return config;
}

QuantizationScheme scheme_of(const char* format, std::int64_t group_size = 0,
                             std::optional<std::int64_t> dense_layers = {}) {
  const QuantizationChoice choice{
      .format = format, .group_size = group_size, .dense_layers = dense_layers};
  return QuantizationScheme::of(choice, small_config(true).num_hidden_layers).value();
}

Weights dummy(const ModelConfig& config) {
  auto weights = Weights::dummy(config, 5, 1);
  EXPECT_TRUE(weights);
  return std::move(weights).value();
}

// Whether two weights hold the same matrices, packed or dense.
void expect_same(const Weights& a, const Weights& b, const ModelConfig& config) {
  for (const ExpectedTensor& tensor : expected_tensors(config)) {
    const PackedMatrix* left = a.packed(tensor.name);
    const PackedMatrix* right = b.packed(tensor.name);
    ASSERT_EQ(left != nullptr, right != nullptr) << tensor.name;
    if (left == nullptr) {
      const WeightTensor& dense = a.at(tensor.name);
      EXPECT_EQ(std::memcmp(dense.data, b.at(tensor.name).data, num_bytes(dense)), 0);
      continue;
    }
    const PackedShape& shape = left->shape;
    ASSERT_EQ(shape.code_bytes(), right->shape.code_bytes());
    EXPECT_EQ(shape.format, right->shape.format);
    EXPECT_EQ(shape.group_size, right->shape.group_size);
    EXPECT_EQ(std::memcmp(left->codes, right->codes, static_cast<std::size_t>(shape.code_bytes())),
              0)
        << tensor.name;
    EXPECT_EQ(
        std::memcmp(left->scales, right->scales, static_cast<std::size_t>(shape.num_scales()) * 2),
        0)
        << tensor.name;
    ASSERT_EQ(shape.has_input_factors, right->shape.has_input_factors);
    if (!shape.has_input_factors) continue;
    EXPECT_EQ(std::memcmp(left->input_factors, right->input_factors,
                          static_cast<std::size_t>(shape.in_features) * 2),
              0)
        << tensor.name;
  }
}

struct Form {
  const char* format;
  std::int64_t group_size;
  bool tied;
  std::int64_t dense_layers;
};

class QuantizedCheckpoint : public ::testing::TestWithParam<Form> {
 protected:
  ModelConfig dense_config() const { return small_config(GetParam().tied); }
  QuantizationScheme scheme() const {
    return scheme_of(GetParam().format, GetParam().group_size, GetParam().dense_layers);
  }
  ModelConfig packed_config() const {
    ModelConfig config = dense_config();
    config.quantization = scheme();
    return config;
  }
  TemporaryDirectory directory_;
};

TEST_P(QuantizedCheckpoint, IsWhatQuantizingAtLoadMakes) {
  const Weights dense = dummy(dense_config());
  const auto files = write_quantized(dense, dense_config(), scheme(), directory_.path(), {});
  ASSERT_TRUE(files) << files.error().message;
  const auto mapped = Weights::open(directory_.path(), packed_config());
  ASSERT_TRUE(mapped) << mapped.error().message;
  Weights quantized = dummy(dense_config());
  ASSERT_TRUE(quantized.quantize(scheme(), 3));
  expect_same(*mapped, quantized, dense_config());
  EXPECT_EQ(mapped->summary().bytes, quantized.summary().bytes);
  EXPECT_EQ(mapped->summary().format, scheme().format);
  EXPECT_EQ(mapped->summary().group_size, scheme().group_size);
  EXPECT_EQ(mapped->summary().dense_layers, scheme().dense_layers);
  EXPECT_EQ(quantized.summary().dense_layers, scheme().dense_layers);
  EXPECT_EQ(mapped->summary().num_parameters, dense_config().num_parameters());
  EXPECT_EQ(mapped->summary().num_tensors, dense.summary().num_tensors);
}

TEST_P(QuantizedCheckpoint, LeavesNormsAndAnUntiedEmbeddingAsTheyAre) {
  Weights weights = dummy(dense_config());
  ASSERT_TRUE(weights.quantize(scheme(), 1));
  EXPECT_EQ(weights.packed("model.layers.0.input_layernorm.weight"), nullptr);
  EXPECT_EQ(weights.packed("model.embed_tokens.weight") != nullptr, GetParam().tied);
  const char* const head = GetParam().tied ? "model.embed_tokens.weight" : "lm_head.weight";
  ASSERT_NE(weights.packed(head), nullptr);
  EXPECT_EQ(weights.packed(head)->shape.format, WeightFormat::kInt8);
  EXPECT_EQ(weights.packed("model.layers.2.mlp.up_proj.weight")->shape.format, scheme().format);
  EXPECT_THROW(weights.at(head), InternalError);
}

TEST_P(QuantizedCheckpoint, LeavesTheMatricesOfTheFirstLayersAsTheyAre) {
  ASSERT_TRUE(
      write_quantized(dummy(dense_config()), dense_config(), scheme(), directory_.path(), {}));
  const auto mapped = Weights::open(directory_.path(), packed_config());
  ASSERT_TRUE(mapped) << mapped.error().message;
  const Weights dense = dummy(dense_config());
  for (const ExpectedTensor& tensor : expected_tensors(dense_config())) {
    if (tensor.role != TensorRole::kProjection) continue;
    const bool is_dense = tensor.layer < GetParam().dense_layers;
    ASSERT_EQ(mapped->packed(tensor.name) == nullptr, is_dense) << tensor.name;
    if (!is_dense) continue;
    const WeightTensor& before = dense.at(tensor.name);
    EXPECT_EQ(std::memcmp(before.data, mapped->at(tensor.name).data, num_bytes(before)), 0);
  }
}

TEST_P(QuantizedCheckpoint, PutsCodesAtMultiplesOf64) {
  ASSERT_TRUE(
      write_quantized(dummy(dense_config()), dense_config(), scheme(), directory_.path(), {}));
  const auto mapped = Weights::open(directory_.path(), packed_config());
  ASSERT_TRUE(mapped);
  for (const ExpectedTensor& tensor : expected_tensors(dense_config())) {
    const PackedMatrix* packed = mapped->packed(tensor.name);
    if (packed == nullptr) continue;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(packed->codes) % 64, 0U) << tensor.name;
  }
}

TEST_P(QuantizedCheckpoint, TellsTheErrorOfEachKind) {
  const auto files =
      write_quantized(dummy(dense_config()), dense_config(), scheme(), directory_.path(), {});
  ASSERT_TRUE(files);
  ASSERT_EQ(files->kinds.size(), 8U);
  for (const KindError& kind : files->kinds) {
    const bool is_head = kind.kind == "embed_tokens" || kind.kind == "lm_head";
    EXPECT_EQ(kind.num_tensors, is_head ? 1 : 3 - GetParam().dense_layers) << kind.kind;
    const bool is_int4 = kind.format == WeightFormat::kInt4;
    EXPECT_EQ(is_int4, !is_head && scheme().format == WeightFormat::kInt4);
    EXPECT_GT(kind.mean_error, is_int4 ? 0.05 : 0.002);
    EXPECT_LT(kind.mean_error, is_int4 ? 0.12 : 0.01);
    EXPECT_GE(kind.max_error, kind.mean_error);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, QuantizedCheckpoint,
                         ::testing::Values(Form{"int8", 0, true, 1}, Form{"int8", 32, false, 0},
                                           Form{"int8", 64, true, 2}, Form{"int4", 0, true, 2},
                                           Form{"int4", 64, false, 1}, Form{"int4", 128, true, 0}));

// Whatever of it a user asked for, the files have decided.
TEST(QuantizeWeights, LeavesAQuantizedCheckpointAsItIs) {
  Weights weights = dummy(small_config(true));
  ASSERT_TRUE(weights.quantize(scheme_of("int8", 128, 2), 1));
  EXPECT_TRUE(weights.quantize(scheme_of("int8"), 1));
  EXPECT_EQ(weights.summary().group_size, 128);
  EXPECT_EQ(weights.summary().dense_layers, 2);
}

TEST(QuantizeWeights, RefusesAnotherFormatThanTheCheckpoints) {
  Weights weights = dummy(small_config(true));
  ASSERT_TRUE(weights.quantize(scheme_of("int8"), 1));
  EXPECT_TRUE(weights.quantize(scheme_of("int8"), 1)) << "nothing to do";
  const Status refused = weights.quantize(scheme_of("int4"), 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message,
            "quantization is \"int4\", expected \"int8\", in which the checkpoint is quantized "
            "already, or nothing");
}

TEST(QuantizeWeights, ReportsProgressToTheEnd) {
  Weights weights = dummy(small_config(true));
  std::uint64_t last = 0;
  std::uint64_t whole = 0;
  ASSERT_TRUE(weights.quantize(scheme_of("int8"), 2, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
    whole = total;
  }));
  EXPECT_GT(whole, 0U);
  EXPECT_EQ(last, whole);
}

TEST(QuantizeWeights, NamesTheFileOfAWeightThatIsNotFinite) {
  const TemporaryDirectory directory;
  const ModelConfig config = small_config(true);
  SafetensorsWriter writer = writer_for(config);
  writer["model.layers.1.mlp.up_proj.weight"].data.replace(6, 2, "\xc0\x7f");
  directory.write("model.safetensors", writer.bytes());
  auto weights = Weights::open(directory.path(), config);
  ASSERT_TRUE(weights);
  const std::string message =
      (directory.path() / "model.safetensors").string() +
      ": tensor \"model.layers.1.mlp.up_proj.weight\": element 3 is nan; only finite weights can "
      "be quantized";
  const TemporaryDirectory other;
  const auto written = write_quantized(*weights, config, scheme_of("int4"), other.path(), {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, message);
  const Status quantized = weights->quantize(scheme_of("int8"), 2);
  ASSERT_FALSE(quantized);
  EXPECT_EQ(quantized.error().message, message);
}

TEST(WriteQuantized, StopsWhenAskedTo) {
  const TemporaryDirectory directory;
  const ModelConfig config = small_config(true);
  int asked = 0;
  QuantizeRun run;
  run.should_stop = [&] { return ++asked == 4; };
  const auto written =
      write_quantized(dummy(config), config, scheme_of("int8"), directory.path(), run);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(asked, 4);
}

TEST(WriteQuantized, RefusesFilesThatAreThere) {
  const TemporaryDirectory directory;
  const ModelConfig config = small_config(true);
  const auto file = directory.write("model.safetensors", "mine");
  const auto written =
      write_quantized(dummy(config), config, scheme_of("int8"), directory.path(), {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, file.string() + ": File exists");
  EXPECT_EQ(read_file(file, 100).value(), "mine");
}

// A quantized checkpoint of which each test spoils one thing.
class SpoiledCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    config_ = small_config(true);
    ASSERT_TRUE(write_quantized(dummy(config_), config_, scheme_of("int8"), directory_.path(), {}));
    config_.quantization = scheme_of("int8");
    path_ = directory_.path() / "model.safetensors";
    bytes_ = read_file(path_, 10 << 20).value();
    auto tensors = parse_safetensors("f", std::as_bytes(std::span(bytes_)));
    ASSERT_TRUE(tensors);
    for (const SafetensorsEntry& entry : *tensors) {
      writer_[entry.name] = {
          std::string(entry.dtype_name), entry.shape,
          std::string(reinterpret_cast<const char*>(entry.data.data()), entry.data.size())};
    }
  }

  Result<Weights> open() {
    std::ofstream(path_, std::ios::binary) << writer_.bytes();
    return Weights::open(directory_.path(), config_);
  }
  void expect_refused(ErrorCode code, const std::string& message) {
    const auto weights = open();
    ASSERT_FALSE(weights) << "expected: " << message;
    EXPECT_EQ(weights.error().code, code);
    EXPECT_EQ(weights.error().message, message);
  }
  std::string file(const std::string& rest) const { return path_.string() + ": " + rest; }

  const std::string name_ = "model.layers.1.mlp.down_proj.weight";  // [72, 100]: 5 panels, 2 groups
  TemporaryDirectory directory_;
  std::filesystem::path path_;
  ModelConfig config_;
  std::string bytes_;
  SafetensorsWriter writer_;
};

TEST_F(SpoiledCheckpoint, IsFineAsWritten) { EXPECT_TRUE(open()); }

TEST_F(SpoiledCheckpoint, AnotherShape) {
  writer_[name_ + "_codes"].shape = {5, 4, 512};
  expect_refused(ErrorCode::kCorrupt, file("tensor \"" + name_ +
                                           "_codes\": shape [5, 4, 512]; config.json calls for "
                                           "[5, 2, 1024]"));
}

TEST_F(SpoiledCheckpoint, AnotherGroupSizeThanConfigJsonSays) {
  config_.quantization = scheme_of("int8", 128);
  const auto weights = open();
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(weights.error().message, ::testing::HasSubstr("config.json calls for"));
}

TEST_F(SpoiledCheckpoint, OtherDenseLayersThanConfigJsonSays) {
  config_.quantization->dense_layers = 2;
  EXPECT_THAT(open().error().message,
              ::testing::HasSubstr("unexpected tensors: \"model.layers.1."));
  config_.quantization->dense_layers = 0;
  EXPECT_THAT(open().error().message,
              ::testing::HasSubstr("unexpected tensors: \"model.layers.0."));
}

// As files are that were made before there were factors.
TEST_F(SpoiledCheckpoint, NoFactorsWhereConfigJsonSaysSo) {
  config_.quantization->input_factors = false;
  EXPECT_THAT(open().error().message, ::testing::HasSubstr("_input_factors\""));
  const auto entries = writer_.tensors();
  for (const auto& [name, tensor] : entries) {
    if (name.ends_with("_input_factors")) writer_.erase(name);
  }
  const auto weights = open();
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->packed(name_)->input_factors, nullptr);
  config_.quantization->input_factors = true;
  EXPECT_THAT(open().error().message, ::testing::HasSubstr("missing tensors: \"model.layers.1."));
}

TEST_F(SpoiledCheckpoint, FactorsThatLoseOrDrownAnInput) {
  constexpr std::pair<const char*, const char*> kBad[] = {{"\x00\x00", "0.000000"},
                                                          {"\x80\xbf", "-1.000000"},
                                                          {"\x80\x7f", "inf"},
                                                          {"\xc0\x7f", "nan"}};
  for (const auto& [bits, text] : kBad) {
    const std::string before = writer_[name_ + "_input_factors"].data;
    writer_[name_ + "_input_factors"].data.replace(6, 2, bits, 2);
    expect_refused(ErrorCode::kNumeric,
                   file("tensor \"" + name_ + "_input_factors\": element 3 is " + text +
                        "; factors of inputs must be finite and above 0"));
    writer_[name_ + "_input_factors"].data = before;
  }
}

TEST_F(SpoiledCheckpoint, OtherFactorsThanTheMatrixBeside) {
  const std::string layer = "model.layers.1.self_attn.";
  writer_[layer + "v_proj.weight_input_factors"].data.replace(6, 2, std::string("\x00\x41", 2));
  expect_refused(
      ErrorCode::kCorrupt,
      file("tensor \"" + layer + "v_proj.weight_input_factors\": differs from that of \"" + layer +
           "q_proj.weight\"; the two have the same inputs, so the same factors"));
}

TEST_F(SpoiledCheckpoint, AnotherFormatThanConfigJsonSays) {
  config_.quantization = scheme_of("int4");
  EXPECT_FALSE(open());
}

TEST_F(SpoiledCheckpoint, AnotherType) {
  writer_[name_ + "_codes"].dtype = "I8";
  expect_refused(ErrorCode::kUnsupported,
                 file("tensor \"" + name_ + "_codes\": dtype I8 is not supported; only U8 is"));
}

TEST_F(SpoiledCheckpoint, ScalesOfAnotherType) {
  writer_[name_ + "_scales"].dtype = "F16";
  expect_refused(ErrorCode::kUnsupported, file("tensor \"" + name_ +
                                               "_scales\": dtype F16 is not "
                                               "supported; only BF16 is"));
}

TEST_F(SpoiledCheckpoint, MissingScales) {
  writer_.erase(name_ + "_scales");
  expect_refused(ErrorCode::kNotFound,
                 directory_.path().string() + ": 1 missing tensor: \"" + name_ + "_scales\"");
}

TEST_F(SpoiledCheckpoint, ADenseMatrixBesideThePackedOne) {
  writer_[name_] = bf16_tensor({72, 100}, 0x3f80);
  expect_refused(ErrorCode::kUnsupported,
                 file("1 unexpected tensor: \"" + name_ + "\"; not part of a Qwen3ForCausalLM"));
}

TEST_F(SpoiledCheckpoint, ScalesThatAreNotFinite) {
  writer_[name_ + "_scales"].data.replace(34, 2, "\x80\x7f");
  expect_refused(ErrorCode::kNumeric,
                 file("tensor \"" + name_ + "_scales\": element 17 is inf; scales must be finite"));
}

TEST_F(SpoiledCheckpoint, Truncated) {
  for (const std::size_t cut : {1U, 64U, 5000U, 20000U}) {
    std::ofstream(path_, std::ios::binary) << bytes_.substr(0, bytes_.size() - cut);
    const auto weights = Weights::open(directory_.path(), config_);
    ASSERT_FALSE(weights);
    EXPECT_EQ(weights.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(weights.error().message, ::testing::HasSubstr("truncated?"));
  }
}

TEST_F(SpoiledCheckpoint, ReadAsDense) {
  config_.quantization.reset();
  const auto weights = open();
  ASSERT_FALSE(weights);
  EXPECT_THAT(weights.error().message, ::testing::HasSubstr("unexpected tensors"));
}

// Entries of these sizes, with one dimension.
std::vector<NewEntry> entries_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<NewEntry> entries;
  for (const std::uint64_t size : sizes) {
    entries.push_back({std::string("t").append(std::to_string(entries.size())),
                       "U8",
                       {static_cast<std::int64_t>(size)},
                       size});
  }
  return entries;
}

TEST(LayOut, KeepsOddSizesFromDisplacingOthers) {
  const auto files = lay_out(entries_of({6, 128, 32, 64, 1, 96}));
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].name, "model.safetensors");
  EXPECT_EQ(files[0].header.size() % 64, 0U);
  std::map<std::string, std::uint64_t> offsets;
  for (const NewEntry& entry : files[0].entries) offsets[entry.name] = entry.offset;
  EXPECT_EQ(offsets["t1"] % 64, 0U);
  EXPECT_EQ(offsets["t3"] % 64, 0U);
  EXPECT_EQ(offsets["t2"] % 32, 0U);
  EXPECT_EQ(offsets["t5"] % 32, 0U);
  EXPECT_EQ(offsets["t0"] % 2, 0U);
  EXPECT_EQ(files[0].bytes, files[0].header.size() + 6 + 128 + 32 + 64 + 1 + 96);
}

TEST(LayOut, SplitsIntoShardsAndNamesThemAsTheHubDoes) {
  const auto files = lay_out(entries_of({64, 64, 256, 64}), 128);
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].name, "model-00001-of-00003.safetensors");
  EXPECT_EQ(files[2].name, "model-00003-of-00003.safetensors");
  EXPECT_EQ(files[0].entries.size(), 2U);
  EXPECT_EQ(files[1].entries.size(), 1U) << "larger than a shard: alone in one";
  const TemporaryDirectory directory;
  for (const NewFile& file : files) {
    std::string bytes = file.header;
    bytes.resize(file.bytes, 'x');
    directory.write(file.name, bytes);
  }
  directory.write("model.safetensors.index.json", index_json(files));
  const auto shards = open_shards(directory.path());
  ASSERT_TRUE(shards) << shards.error().message;
  EXPECT_EQ(shards->size(), 3U);
}

}  // namespace
}  // namespace parapet
