// A new file, written at any place of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "parapet/error.h"

namespace parapet {

// Errors name the file and what the system says: a full disk is one line. Move-only; a file that
// was not finished stays as far as it was written.
class OutputFile {
 public:
  // Makes the file, and takes `bytes` of the disk for it at once where the file system can, so that
  // a full disk is known before the work. One that is there already is refused.
  static Result<OutputFile> create(const std::filesystem::path& file, std::uint64_t bytes);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // What follows on the last call's bytes is gathered to pieces of a large page each: so the system
  // keeps the file in memory on large pages, and whoever maps it reads it faster.
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  // Waits until all of it is on the disk, and closes it.
  Status finish();

 private:
  OutputFile(std::filesystem::path file, int descriptor);
  Status flush();
  Status write_now(std::uint64_t offset, std::span<const std::byte> bytes);

  std::filesystem::path file_;
  int descriptor_;
  std::uint64_t gathered_at_ = 0;  // where the gathered bytes belong
  std::vector<std::byte> gathered_;
};

}  // namespace parapet
