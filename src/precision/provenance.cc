#include "precision/provenance.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/file.h"

namespace parapet {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Sha256Sum {
 public:
  Sha256Sum() : context_(EVP_MD_CTX_new()) {
    PARAPET_CHECK(context_ != nullptr);
    PARAPET_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::span<const std::byte> bytes) {
    PARAPET_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  // 64 small digits; once.
  std::string finish() {
    std::array<unsigned char, 32> digest{};
    PARAPET_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    std::string hex;
    for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

Result<std::vector<std::filesystem::path>> checkpoint_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path name = entry.path().filename();
    if (name == "config.json" || name.extension() == ".safetensors") files.push_back(entry.path());
  }
  if (error) return Error{ErrorCode::kIo, folder.string() + ": " + error.message()};
  std::ranges::sort(files);
  return files;
}

// "model name : X" of the first processor; on ARM there is no such line.
std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t begin = line.find_first_not_of(" \t:", std::size("model name") - 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace

PrecisionMachine this_machine() {
  PrecisionMachine machine;
  machine.cpu = cpu_name();
  machine.num_cpus = static_cast<int>(std::thread::hardware_concurrency());
  struct sysinfo memory = {};
  if (::sysinfo(&memory) == 0) machine.memory_bytes = memory.totalram * memory.mem_unit;
  struct utsname system = {};
  if (::uname(&system) == 0) {
    machine.system = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  }
  return machine;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

Result<std::string> checkpoint_sha256(const std::filesystem::path& folder,
                                      const ProgressCallback& on_progress) {
  constexpr std::size_t kChunk = std::size_t{1} << 24;
  PARAPET_ASSIGN(const auto files, checkpoint_files(folder));
  Sha256Sum all;
  for (const std::filesystem::path& path : files) {
    PARAPET_ASSIGN(const MappedFile file, MappedFile::open(path));
    Sha256Sum sum;
    const std::span<const std::byte> bytes = file.bytes();
    for (std::size_t begin = 0; begin < bytes.size(); begin += kChunk) {
      sum.add(bytes.subspan(begin, std::min(kChunk, bytes.size() - begin)));
      if (on_progress) {
        on_progress("hashing " + path.filename().string(), std::min(begin + kChunk, bytes.size()),
                    bytes.size());
      }
    }
    const std::string line = sum.finish() + "  " + path.filename().string() + "\n";
    all.add(std::as_bytes(std::span(line)));
  }
  return all.finish();
}

}  // namespace parapet
