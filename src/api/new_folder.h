// A folder that appears when it is complete.
#pragma once

#include <filesystem>

#include "parapet/error.h"

namespace parapet {

// Beside its destination, under a name of its own; removed with all that is in it unless it was
// published. Move-only.
class NewFolder {
 public:
  // The destination must not exist, or be an empty folder; what it lies in is made as needed.
  static Result<NewFolder> create(const std::filesystem::path& destination);

  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder();

  const std::filesystem::path& path() const { return path_; }
  // Moves it to its destination.
  Status publish();

 private:
  NewFolder(std::filesystem::path path, std::filesystem::path destination);

  std::filesystem::path path_;  // empty once it was published
  std::filesystem::path destination_;
};

}  // namespace parapet
