// Which processor this machine has, for reports.
#pragma once

#include <filesystem>
#include <string>

namespace parapet {

// "AMD EPYC 7R13 Processor"; on arm64, whose kernel gives no names, its implementer's and part's
// numbers; empty where nobody tells. Tests point it elsewhere.
std::string processor_name(const std::filesystem::path& cpuinfo = "/proc/cpuinfo");

}  // namespace parapet
