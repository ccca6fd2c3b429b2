// Waiting for another program, and what its log says.
#pragma once

#include <filesystem>
#include <string>

#include "e2e/child_process.h"
#include "parapet/types.h"

namespace parapet {

// Its exit status. Nobody knows how far it is: progress tells only that it runs.
int wait_for_end(ChildProcess& process, const char* task, const ProgressCallback& on_progress);

// The last line of a log that says something; empty without one.
std::string last_line(const std::filesystem::path& log);

}  // namespace parapet
