#include "api/new_folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace parapet {
namespace {

namespace fs = std::filesystem;

// "DIR/" and "DIR" are the same folder; only the latter has a name.
fs::path without_slash(const fs::path& path) {
  const fs::path plain = fs::absolute(path).lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

Status check_free(const fs::path& destination) {
  std::error_code problem;
  const fs::file_status status = fs::symlink_status(destination, problem);
  if (!fs::exists(status)) return {};
  if (fs::is_directory(status) && fs::is_empty(destination, problem) && !problem) return {};
  return Error{ErrorCode::kInvalidArgument,
               destination.string() + ": is there already; expected a new folder, or an empty one"};
}

}  // namespace

NewFolder::NewFolder(fs::path path, fs::path destination)
    : path_(std::move(path)), destination_(std::move(destination)) {}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), destination_(std::move(other.destination_)) {}

NewFolder::~NewFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // nobody is left to tell
  fs::remove_all(path_, ignored);
}

Result<NewFolder> NewFolder::create(const fs::path& destination) {
  const fs::path target = without_slash(destination);
  PARAPET_TRY(check_free(target));
  std::error_code problem;
  fs::create_directories(target.parent_path(), problem);
  if (problem) {
    return Error{ErrorCode::kIo, target.parent_path().string() + ": " + problem.message()};
  }
  fs::path beside = target.parent_path() / ".";
  beside += target.filename();
  beside += ".partial-XXXXXX";
  std::string name = beside.string();
  if (::mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kIo, target.string() + ": " + std::strerror(errno)};
  }
  NewFolder folder(name, target);
  // mkdtemp's is for its owner alone; a checkpoint is as readable as any new folder.
  const ::mode_t mask = ::umask(0);
  ::umask(mask);
  if (::chmod(name.c_str(), 0777 & ~mask) != 0) {
    return Error{ErrorCode::kIo, name + ": " + std::strerror(errno)};
  }
  return folder;
}

Status NewFolder::publish() {
  if (::rename(path_.c_str(), destination_.c_str()) != 0) {
    const int reason = errno;
    if (reason == EEXIST || reason == ENOTEMPTY || reason == ENOTDIR) {
      return Error{ErrorCode::kInvalidArgument,
                   destination_.string() + ": somebody else made it in the meantime"};
    }
    return Error{ErrorCode::kIo, destination_.string() + ": " + std::strerror(reason)};
  }
  path_.clear();
  return {};
}

}  // namespace parapet
