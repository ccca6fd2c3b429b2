#include "base/processor.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace parapet {
namespace {

TEST(ProcessorName, IsWhatTheSystemTells) {
  const TemporaryDirectory directory;
  directory.write("x86", "processor\t: 0\nmodel name\t: A Processor 9000\nflags\t: fpu\n");
  directory.write("arm", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n");
  directory.write("other", "hart\t: 0\n");
  EXPECT_EQ(processor_name(directory.path() / "x86"), "A Processor 9000");
  EXPECT_EQ(processor_name(directory.path() / "arm"), "CPU implementer 0x41, part 0xd40");
  EXPECT_EQ(processor_name(directory.path() / "other"), "");
  EXPECT_EQ(processor_name(directory.path() / "missing"), "");
}

}  // namespace
}  // namespace parapet
