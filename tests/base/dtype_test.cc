#include "base/dtype.h"

#include <gtest/gtest.h>

namespace parapet {
namespace {

TEST(DType, NamesComeBack) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kI32, DType::kI8}) {
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
  }
  EXPECT_STREQ(dtype_name(DType::kBF16), "bfloat16");
  for (const char* other : {"", "bf16", "BFLOAT16", "float64", "bfloat16 "}) {
    EXPECT_EQ(dtype_from_name(other), std::nullopt) << other;
  }
}

TEST(DType, HasTheSizeOfItsElements) {
  EXPECT_EQ(dtype_size(DType::kF32), 4U);
  EXPECT_EQ(dtype_size(DType::kI32), 4U);
  EXPECT_EQ(dtype_size(DType::kBF16), 2U);
  EXPECT_EQ(dtype_size(DType::kF16), 2U);
  EXPECT_EQ(dtype_size(DType::kI8), 1U);
}

TEST(DType, WeightsAreFloats) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) EXPECT_TRUE(is_float(dtype));
  for (const DType dtype : {DType::kI32, DType::kI8}) EXPECT_FALSE(is_float(dtype));
}

TEST(DType, CachedRowsCountTheirScale) {
  EXPECT_EQ(cached_row_bytes(DType::kF32, 128), 512U);
  EXPECT_EQ(cached_row_bytes(DType::kBF16, 128), 256U);
  EXPECT_EQ(cached_row_bytes(DType::kI8, 128), 132U);
}

}  // namespace
}  // namespace parapet
