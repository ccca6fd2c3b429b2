// Another program, run beside this one: its output goes into a file.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"

namespace parapet {

class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> command;  // a program, looked for in PATH, and its arguments
    std::map<std::string, std::string> environment;  // beside this process's own
    std::filesystem::path output;                    // gets what it prints, errors too
  };
  // kNotFound: there is no such program.
  static Result<ChildProcess> start(const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // One that still runs is asked to end (SIGTERM), and waited for.
  ~ChildProcess();

  // Its exit status, once it has ended: 128 and the signal's number where a signal ended it.
  std::optional<int> exit_status();

 private:
  explicit ChildProcess(pid_t process) : process_(process) {}

  pid_t process_;  // 0: of nothing any more
  std::optional<int> status_;
};

}  // namespace parapet
