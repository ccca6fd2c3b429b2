// Checkpoints in the form that LLM Compressor publishes, made by tools/golden.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/half.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/shards.h"
#include "checkpoint/tensor_values.h"
#include "checkpoint/weights.h"
#include "support/paths.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

std::filesystem::path golden() { return test::source_dir() / "tests/golden/compressed_tensors"; }

class CompressedTensors : public ::testing::TestWithParam<const char*> {};

// Every quantized matrix is, element by element, what the file's integer and scale stand for: to
// the bit where the scale is a bfloat16, else as near as the nearest one.
TEST_P(CompressedTensors, AreTheWeightsTheyStandFor) {
  const std::filesystem::path folder = golden() / GetParam();
  const auto config = ModelConfig::read(folder);
  ASSERT_TRUE(config) << config.error().message;
  auto weights = Weights::open(folder, *config);
  ASSERT_TRUE(weights) << weights.error().message;
  ASSERT_TRUE(weights->repack(2));
  const auto file = MappedFile::open(folder / "expected.safetensors");
  ASSERT_TRUE(file);
  const auto expected = parse_safetensors("expected", file->bytes());
  ASSERT_TRUE(expected);
  ASSERT_GE(expected->size(), 6U);
  const bool exact = config->compressed_tensors->group_size % 192 == 0;  // those in bfloat16
  for (const SafetensorsEntry& entry : *expected) {
    const PackedMatrix* packed = weights->packed(entry.name);
    ASSERT_NE(packed, nullptr) << entry.name;
    const WeightTensor values{entry.data.data(), DType::kF32, entry.shape};
    for (std::int64_t out = 0; out < entry.shape[0]; ++out) {
      for (std::int64_t in = 0; in < entry.shape[1]; ++in) {
        const float scale = bf16_to_f32(packed->scales[packed_scale_index(packed->shape, out, in)]);
        const int step = packed_code(*packed, out, in) - weight_zero(packed->shape.format);
        const float wanted = element(values, out * entry.shape[1] + in);
        const float made = scale * static_cast<float>(step);
        if (exact) {
          ASSERT_EQ(made, wanted) << entry.name << " " << out << " " << in;
        } else {
          ASSERT_LE(std::abs(made - wanted), std::abs(wanted) * 0x1p-8F)
              << entry.name << " " << out << " " << in;
        }
      }
    }
  }
}

TEST_P(CompressedTensors, LeavesTheOthersDense) {
  const std::filesystem::path folder = golden() / GetParam();
  const ModelConfig config = ModelConfig::read(folder).value();
  auto weights = Weights::open(folder, config);
  ASSERT_TRUE(weights);
  ASSERT_TRUE(weights->repack(1));
  EXPECT_EQ(weights->packed("model.embed_tokens.weight"), nullptr);
  EXPECT_EQ(weights->at("model.embed_tokens.weight").dtype, DType::kBF16);
  EXPECT_EQ(weights->summary().format, config.compressed_tensors->format);
  EXPECT_EQ(weights->summary().num_parameters, config.num_parameters());
}

// Past the last feature and the last input lie zeros, as in every packed matrix.
TEST_P(CompressedTensors, PadsWithZeros) {
  const std::filesystem::path folder = golden() / GetParam();
  auto weights = Weights::open(folder, ModelConfig::read(folder).value());
  ASSERT_TRUE(weights);
  ASSERT_TRUE(weights->repack(3));
  const PackedMatrix& packed = *weights->packed("model.layers.0.mlp.gate_proj.weight");
  const PackedShape& shape = packed.shape;
  for (std::int64_t out = 0; out < shape.panels() * kPanelFeatures; ++out) {
    for (std::int64_t in = 0; in < shape.groups() * shape.group_size; ++in) {
      if (out < shape.out_features && in < shape.in_features) continue;
      ASSERT_EQ(packed_code(packed, out, in), weight_zero(shape.format));
      if (out >= shape.out_features) {
        ASSERT_EQ(packed.scales[packed_scale_index(shape, out, in)], 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CompressedTensors,
                         ::testing::Values("w8a8-channel", "w4a16-group128", "w4a16-channel",
                                           "w8a16-group32", "w8a16-group192"));

// A golden checkpoint of which each test spoils one thing.
class SpoiledCompressed : public ::testing::Test {
 protected:
  void load(const char* name) {
    config_ = ModelConfig::read(golden() / name).value();
    writer_ = {};
    const auto shards = open_shards(golden() / name).value();
    for (const SafetensorsEntry& entry : shards[0].tensors) {
      writer_[entry.name] = {
          std::string(entry.dtype_name), entry.shape,
          std::string(reinterpret_cast<const char*>(entry.data.data()), entry.data.size())};
    }
  }
  Status open() {
    directory_.write("model.safetensors", writer_.bytes());
    auto weights = Weights::open(directory_.path(), config_);
    if (!weights) return weights.error();
    return weights->repack(1);
  }
  void expect_refused(ErrorCode code, const std::string& message) {
    const Status opened = open();
    ASSERT_FALSE(opened) << "expected: " << message;
    EXPECT_EQ(opened.error().code, code);
    EXPECT_EQ(opened.error().message, message);
  }
  std::string file(const std::string& rest) const {
    return (directory_.path() / "model.safetensors").string() + ": " + rest;
  }

  const std::string name_ = "model.layers.0.mlp.up_proj.weight";
  TemporaryDirectory directory_;
  ModelConfig config_;
  SafetensorsWriter writer_;
};

TEST_F(SpoiledCompressed, MissingScales) {
  for (const char* golden_name : {"w4a16-channel", "w8a8-channel"}) {
    load(golden_name);
    writer_.erase(name_ + "_scale");
    expect_refused(ErrorCode::kNotFound,
                   directory_.path().string() + ": 1 missing tensor: \"" + name_ + "_scale\"");
  }
}

TEST_F(SpoiledCompressed, ScalesOfAnotherShape) {
  load("w8a8-channel");
  writer_[name_ + "_scale"] = bf16_tensor({36, 2}, 0x3f80);
  expect_refused(ErrorCode::kCorrupt, file("tensor \"" + name_ +
                                           "_scale\": shape [36, 2]; config.json calls for "
                                           "[36, 1]"));
}

TEST_F(SpoiledCompressed, ScalesThatAreNotFinite) {
  load("w8a8-channel");
  writer_[name_ + "_scale"].data.replace(4, 2, "\x80\xff");
  expect_refused(ErrorCode::kNumeric,
                 file("tensor \"" + name_ + "_scale\": element 2 is -inf; scales must be finite"));
}

TEST_F(SpoiledCompressed, AScaleTooLargeForBfloat16) {
  load("w8a16-group32");
  writer_[name_ + "_scale"].data.replace(0, 4, "\xff\xff\x7f\x7f");
  const Status opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("infinite in bfloat16"));
}

TEST_F(SpoiledCompressed, AnotherWeightShape) {
  load("w4a16-channel");
  writer_[name_ + "_shape"].data[0] = 49;
  expect_refused(ErrorCode::kCorrupt,
                 file("tensor \"" + name_ + "_shape\": [49, 36]; config.json calls for [50, 36]"));
}

TEST_F(SpoiledCompressed, ZeroPointsAndReorderedGroups) {
  load("w4a16-channel");
  writer_[name_ + "_zero_point"] = {"I8", {50, 1}, std::string(50, '\1')};
  expect_refused(ErrorCode::kUnsupported,
                 file("1 unexpected tensor: \"" + name_ +
                      "_zero_point\"; not part of a Qwen3ForCausalLM; zero points are not "
                      "supported"));
  writer_.erase(name_ + "_zero_point");
  writer_[name_ + "_g_idx"] = {"I32", {36}, std::string(144, '\0')};
  expect_refused(ErrorCode::kUnsupported,
                 file("1 unexpected tensor: \"" + name_ +
                      "_g_idx\"; not part of a Qwen3ForCausalLM; reordered groups are not "
                      "supported"));
}

TEST_F(SpoiledCompressed, OnePartOfAFusedProjectionLeftDense) {
  load("w8a8-channel");
  writer_.erase(name_ + "_scale");
  writer_[name_] = bf16_tensor({36, 44}, 0x3f80);
  expect_refused(ErrorCode::kUnsupported,
                 file("tensor \"" + name_ +
                      "\": bfloat16, but \"model.layers.0.mlp.gate_proj.weight\" is int8; the two "
                      "must be of one dtype"));
}

}  // namespace
}  // namespace parapet
