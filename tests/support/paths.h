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
