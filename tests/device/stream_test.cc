// Streams, events, graphs and memory, as device.h promises them.
#include <cstring>

#include "device/backends.h"
#include "device/ops.h"
#include "device/test_tensor.h"

// The sanitizers' own answer to an impossible size is to abort; the system's is to return null.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
// NOLINTEND(bugprone-reserved-identifier)

namespace parapet::test {
namespace {

using StreamTest = BackendTest;

TEST_P(StreamTest, CopiesThereAndBack) {
  const auto buffer = device().allocate(64).value();
  ASSERT_EQ(buffer->bytes(), 64U);
  const char text[] = "parapet";
  char back[sizeof text] = {};
  stream().copy_to_device(buffer->data(), text, sizeof text);
  stream().copy_to_host(back, buffer->data(), sizeof text);
  const auto event = stream().record();
  stream().wait(*event);
  ASSERT_TRUE(event->synchronize().ok());
  EXPECT_TRUE(event->ready());
  EXPECT_STREQ(back, text);
  EXPECT_TRUE(device().allocate(0).ok());
}

TEST_P(StreamTest, ImpossibleMemoryIsAnError) {
  const auto buffer = device().allocate(std::size_t{1} << 62);
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(buffer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(buffer.error().message.find("4611686018427387904"), std::string::npos);
}

// An op with a bad index does not run, nor what follows; synchronize() tells and clears it.
TEST_P(StreamTest, TheFirstErrorSurfacesAtSynchronize) {
  Floats x = Floats::random(3, 4, 1);
  Ints bad{{1, 3}};
  Ints good{{1, 2}};
  Floats out(2, 4, 5.0F);
  ops().gather_rows(stream(), x.view(), bad.vector(), out.view());
  ops().gather_rows(stream(), x.view(), good.vector(), out.view());
  EXPECT_EQ(out.at(0, 0), 5.0F);
  const auto event = stream().record();
  EXPECT_EQ(event->synchronize().error().code, ErrorCode::kInternal);
  const Status status = stream().synchronize();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "rows[1] is 3, expected 0 to 2");

  EXPECT_TRUE(stream().synchronize().ok());
  ops().gather_rows(stream(), x.view(), good.vector(), out.view());
  ASSERT_TRUE(stream().synchronize().ok());
  EXPECT_EQ(out.at(0, 0), x.at(1, 0));
}

TEST_P(StreamTest, AGraphReplaysTheSameBitsOnNewInputs) {
  const std::int64_t features = 40;
  TestTensor scale(DType::kF32, 1, features, 1);
  TestTensor weight(DType::kBF16, 2 * features, features, 2);
  const TensorView part = weight.matrix();
  const auto linear = device().load_linear({&part, 1}).value();
  TestTensor down(DType::kBF16, features, features, 3);
  const TensorView down_part = down.matrix();
  const auto down_linear = device().load_linear({&down_part, 1}).value();
  Floats x(5, features);
  Floats middle(5, features);
  const auto layer = [&] {
    ops().norm_gate_up_silu(stream(), x.view(), {scale.vector()}, *linear, middle.view());
    ops().linear_add(stream(), middle.view(), *down_linear, x.view());
  };

  ASSERT_TRUE(stream().begin_capture().ok());
  layer();
  const auto graph = stream().end_capture().value();
  EXPECT_EQ(graph->num_nodes(), 2U);
  for (const float value : x.values) ASSERT_EQ(value, 0.0F) << "capturing ran an op";

  for (const unsigned seed : {10U, 11U}) {
    const Floats input = Floats::random(5, features, seed);
    x.values = input.values;
    layer();
    synchronize();
    const Floats eager = x;
    x.values = input.values;
    ASSERT_TRUE(stream().replay(*graph).ok());
    synchronize();
    EXPECT_TRUE(same_bits(x.values.data(), eager.values.data(), 5 * features));
  }
}

TEST_P(StreamTest, CaptureRefusesWhatAGraphCannotHold) {
  char byte = 0;
  EXPECT_EQ(stream().end_capture().error().code, ErrorCode::kInternal);
  ASSERT_TRUE(stream().begin_capture().ok());
  EXPECT_FALSE(stream().begin_capture().ok());
  stream().copy_to_host(&byte, &byte, 1);
  const auto graph = stream().end_capture();
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().message, "copy_to_host is not possible while capturing a graph");

  ASSERT_TRUE(stream().begin_capture().ok());
  EXPECT_FALSE(stream().synchronize().ok());
  EXPECT_FALSE(stream().end_capture().ok());

  // The stream is as good as new.
  ASSERT_TRUE(stream().begin_capture().ok());
  const auto empty = stream().end_capture();
  ASSERT_TRUE(empty.ok());
  const auto other = device().create_stream().value();
  EXPECT_EQ(other->replay(**empty).error().code, ErrorCode::kInternal);
}

TEST_P(StreamTest, ObjectsOfAnotherDeviceAreABug) {
  class ForeignLinear final : public LinearWeight {
    std::int64_t in_features() const override { return 4; }
    std::int64_t out_features() const override { return 4; }
  };
  Floats x(1, 4);
  const ForeignLinear foreign;
  EXPECT_THROW(ops().linear_add(stream(), x.view(), foreign, x.view()), InternalError);
}

INSTANTIATE_TEST_SUITE_P(Backends, StreamTest, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace parapet::test
