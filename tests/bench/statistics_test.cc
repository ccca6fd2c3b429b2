#include "bench/statistics.h"

#include <gtest/gtest.h>

namespace parapet {
namespace {

TEST(Statistics, QuantileIsTheSmallestValueThatCoversTheShare) {
  const std::vector<double> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.2), 1);
  EXPECT_EQ(quantile(values, 0.21), 2);
  EXPECT_EQ(quantile(values, 0.99), 5);
  EXPECT_EQ(quantile(values, 1), 5);
}

TEST(Statistics, MedianOfAnEvenNumberIsTheLowerOfTheTwo) {
  EXPECT_EQ(median({4, 1, 3, 2}), 2);
  EXPECT_EQ(median({7}), 7);
}

TEST(Statistics, OfNothingIsZero) { EXPECT_EQ(median({}), 0); }

}  // namespace
}  // namespace parapet
