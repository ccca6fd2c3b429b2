#include "checkpoint/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parapet {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ShardIndex, ListsEachShardOnce) {
  const auto index = ShardIndex::parse("i", R"({"metadata":{"total_size":6},
               "weight_map":{"c":"m-2.safetensors","a":"m-1.safetensors","b":"m-1.safetensors"}})");
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->file_name, "i");
  EXPECT_THAT(index->shards, ElementsAre("m-1.safetensors", "m-2.safetensors"));
  EXPECT_THAT(index->shard_of,
              ElementsAre(Pair("a", "m-1.safetensors"), Pair("b", "m-1.safetensors"),
                          Pair("c", "m-2.safetensors")));
}

TEST(ShardIndex, RefusesNamesThatLeaveTheFolder) {
  const struct {
    const char* json;
    const char* shown;
  } cases[] = {
      {R"("../other.safetensors")", R"("../other.safetensors")"},
      {R"("/tmp/other.safetensors")", R"("/tmp/other.safetensors")"},
      {R"("sub/other.safetensors")", R"("sub/other.safetensors")"},
      {R"("sub\\other.safetensors")", R"("sub\\other.safetensors")"},
      {R"("a\u0000b.safetensors")", R"("a\x00b.safetensors")"},
      {R"("..")", R"("..")"},
      {R"(".safetensors")", R"(".safetensors")"},
      {R"("")", R"("")"},
      {R"("model.bin")", R"("model.bin")"},
      {"1", "integer"},
  };
  for (const auto& [json, shown] : cases) {
    const auto index = ShardIndex::parse("i", std::string(R"({"weight_map":{"a":)") + json + "}}");
    ASSERT_FALSE(index) << json;
    EXPECT_EQ(index.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(index.error().message,
              std::string("i: weight_map: \"a\": ") + shown +
                  "; expected the name of a .safetensors file in the same folder, without a path");
  }
}

TEST(ShardIndex, RefusesAMapThatIsMissingEmptyOrAmbiguous) {
  const struct {
    const char* json;
    const char* message;
  } cases[] = {
      {"{}", "i: weight_map: missing; expected an object"},
      {R"({"weight_map":{}})", "i: weight_map: names no shard"},
      {R"({"weight_map":[]})", "i: weight_map: expected an object, found array"},
      {R"({"weight_map":{"a":"m.safetensors","a":"n.safetensors"}})",
       "i: weight_map: the same key stands twice in one object"},
      {"[]", "i: expected an object, found array"},
  };
  for (const auto& [json, message] : cases) {
    const auto index = ShardIndex::parse("i", json);
    ASSERT_FALSE(index) << json;
    EXPECT_EQ(index.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(index.error().message, message);
  }
}

}  // namespace
}  // namespace parapet
