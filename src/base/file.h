// Files: read whole when small, mapped when large.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "parapet/error.h"

namespace parapet {

// The whole file. One of more than max_bytes is refused before it is read.
Result<std::string> read_file(const std::filesystem::path& file, std::size_t max_bytes);

// A read-only private mapping; its bytes are valid while this lives. Move-only.
// Truncating the file under a mapping is a fault of whoever does it (SIGBUS): checkpoints are
// replaced by renaming, never by rewriting.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& file);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace parapet
