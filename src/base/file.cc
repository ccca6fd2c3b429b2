#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/huge_pages.h"

namespace parapet {
namespace {

// An open file descriptor and its size; closed on scope exit.
class OpenFile {
 public:
  static Result<OpenFile> open(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
      const int reason = errno;
      const auto code =
          reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
      return Error{code, file.string() + ": " + std::strerror(reason)};
    }
    OpenFile opened(descriptor);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
      return Error{ErrorCode::kIo, file.string() + ": " + std::strerror(errno)};
    }
    if (!S_ISREG(status.st_mode)) {
      return Error{ErrorCode::kInvalidArgument, file.string() + ": not a regular file"};
    }
    opened.size_ = static_cast<std::size_t>(status.st_size);
    return opened;
  }

  OpenFile(OpenFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
  OpenFile& operator=(OpenFile&&) = delete;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int descriptor() const { return descriptor_; }
  std::size_t size() const { return size_; }

 private:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::size_t size_ = 0;
};

}  // namespace

Result<std::string> read_file(const std::filesystem::path& file, std::size_t max_bytes) {
  PARAPET_ASSIGN(const OpenFile opened, OpenFile::open(file));
  if (opened.size() > max_bytes) {
    return Error{ErrorCode::kCorrupt, file.string() + ": " + std::to_string(opened.size()) +
                                          " bytes; at most " + std::to_string(max_bytes) +
                                          " are expected of this file"};
  }
  std::string text(opened.size(), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(opened.descriptor(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorCode::kIo, file.string() + ": " + std::strerror(errno)};
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& file) {
  PARAPET_ASSIGN(const OpenFile opened, OpenFile::open(file));
  if (opened.size() == 0) return MappedFile({});
  void* address = ::mmap(nullptr, opened.size(), PROT_READ, MAP_PRIVATE, opened.descriptor(), 0);
  if (address == MAP_FAILED) {
    return Error{ErrorCode::kIo, file.string() + ": cannot map: " + std::strerror(errno)};
  }
  prefer_huge_pages(address, opened.size());
  return MappedFile({static_cast<const std::byte*>(address), opened.size()});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  // munmap takes the address that mmap gave, which was never const.
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace parapet
