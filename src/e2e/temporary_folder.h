// A folder that is gone when this is.
#pragma once

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX's

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "parapet/error.h"

namespace parapet {

class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create() {
    std::error_code ignored;
    std::string name = (std::filesystem::temp_directory_path(ignored) / "parapet-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      return Error{ErrorCode::kIo, "cannot make a folder " + name + ": " + std::strerror(errno)};
    }
    return TemporaryFolder(name);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace parapet
