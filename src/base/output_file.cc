#include "base/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/huge_pages.h"

namespace parapet {
namespace {

Error refusal(const std::filesystem::path& file, int reason) {
  return {ErrorCode::kIo, file.string() + ": " + std::strerror(reason)};
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path file, int descriptor)
    : file_(std::move(file)), descriptor_(descriptor) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      gathered_at_(other.gathered_at_),
      gathered_(std::move(other.gathered_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& file, std::uint64_t bytes) {
  constexpr int kReadable = 0666;  // but for what the process's umask takes away
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadable);
  if (descriptor < 0) return refusal(file, errno);
  OutputFile opened(file, descriptor);
  if (bytes == 0 || ::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) == 0) return opened;
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) return opened;
  return Error{ErrorCode::kIo, file.string() + ": cannot take " + std::to_string(bytes) +
                                   " bytes: " + std::strerror(errno)};
}

Status OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  PARAPET_CHECK(descriptor_ >= 0);
  if (offset != gathered_at_ + gathered_.size()) {
    PARAPET_TRY(flush());
    gathered_at_ = offset;
  }
  while (!bytes.empty()) {
    const std::uint64_t at = gathered_at_ + gathered_.size();
    const std::size_t whole = at % kHugePage == 0 ? bytes.size() / kHugePage * kHugePage : 0;
    if (gathered_.empty() && whole > 0) {
      PARAPET_TRY(write_now(at, bytes.first(whole)));
      gathered_at_ += whole;
      bytes = bytes.subspan(whole);
      continue;
    }
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), kHugePage - at % kHugePage));
    gathered_.insert(gathered_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if ((at + part.size()) % kHugePage == 0) PARAPET_TRY(flush());
  }
  return {};
}

Status OutputFile::flush() {
  PARAPET_TRY(write_now(gathered_at_, gathered_));
  gathered_at_ += gathered_.size();
  gathered_.clear();
  return {};
}

Status OutputFile::write_now(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refusal(file_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status OutputFile::finish() {
  PARAPET_CHECK(descriptor_ >= 0);
  PARAPET_TRY(flush());
  if (::fsync(descriptor_) != 0 && errno != EINVAL) return refusal(file_, errno);
  // Some file systems tell of a full disk only now.
  if (::close(std::exchange(descriptor_, -1)) != 0) return refusal(file_, errno);
  return {};
}

}  // namespace parapet
