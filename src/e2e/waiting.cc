#include "e2e/waiting.h"

#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

namespace parapet {

int wait_for_end(ChildProcess& process, const char* task, const ProgressCallback& on_progress) {
  for (;;) {
    if (const std::optional<int> status = process.exit_status()) {
      if (on_progress) on_progress(task, 1, 1);
      return *status;
    }
    if (on_progress) on_progress(task, 0, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::string last_line(const std::filesystem::path& log) {
  std::ifstream stream(log);
  std::string last;
  for (std::string line; std::getline(stream, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last;
}

}  // namespace parapet
