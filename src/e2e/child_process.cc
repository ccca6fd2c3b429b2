#include "e2e/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace parapet {
namespace {

// This process's environment with some of it replaced.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : changes) {
    all.push_back(name);
    all.back().append("=").append(value);
  }
  return all;
}

// As exec takes them; valid as long as the texts.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int status_of(int waited) {
  return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const Options& options) {
  std::vector<std::string> arguments = options.command;
  std::vector<std::string> environment = environment_with(options.environment);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.output.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t process = 0;
  const int problem =
      ::posix_spawnp(&process, arguments.front().c_str(), &actions, nullptr,
                     pointers_to(arguments).data(), pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) {
    return Error{problem == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 "'" + arguments.front() + "' does not start: " + std::strerror(problem)};
  }
  return ChildProcess(process);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : process_(std::exchange(other.process_, 0)), status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (process_ == 0 || status_) return;
  ::kill(process_, SIGTERM);
  int waited = 0;
  while (::waitpid(process_, &waited, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::exit_status() {
  int waited = 0;
  if (!status_ && ::waitpid(process_, &waited, WNOHANG) == process_) status_ = status_of(waited);
  return status_;
}

}  // namespace parapet
