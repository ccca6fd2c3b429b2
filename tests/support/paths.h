// Where tests find their inputs.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace parapet::test {

inline std::filesystem::path source_dir() { return PARAPET_SOURCE_DIR; }

// Data shared by all checkouts: $PARAPET_SHARED, else ../shared beside the repository; its data/.
inline std::filesystem::path shared_data() {
  const char* shared = std::getenv("PARAPET_SHARED");
  return (shared != nullptr ? std::filesystem::path(shared) : source_dir() / ".." / "shared") /
         "data";
}

inline std::filesystem::path bundled_model() { return source_dir() / "models/parapet-guard-tiny"; }

}  // namespace parapet::test

// First line of a test that reads the shared data. A checkout that has no such folder beside it
// skips the test; where the folder is, a file missing from it is a failure.
#define PARAPET_NEEDS_SHARED_DATA()                                   \
  if (!std::filesystem::is_directory(::parapet::test::shared_data())) \
  GTEST_SKIP() << "no shared data at " << ::parapet::test::shared_data()
