#include "model/golden_logits.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "support/paths.h"

namespace parapet::test {
namespace {

constexpr const char* kExpectedFile = "expected.safetensors";

std::filesystem::path golden_dir() { return source_dir() / "tests/golden/logits"; }

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

// The tensors of one expected.safetensors, by name.
class ExpectedTensors {
 public:
  explicit ExpectedTensors(const std::filesystem::path& file)
      : file_(value_of(MappedFile::open(file))) {
    for (SafetensorsEntry& entry : value_of(parse_safetensors(kExpectedFile, file_.bytes()))) {
      entries_.emplace(entry.name, std::move(entry));
    }
  }

  bool has(const std::string& name) const { return entries_.contains(name); }

  template <class T>
  std::vector<T> read(const std::string& name) const {
    const SafetensorsEntry& entry = entries_.at(name);
    if (entry.dtype_name != (std::is_same_v<T, float> ? "F32" : "I32")) {
      throw std::runtime_error(name + " is " + std::string(entry.dtype_name));
    }
    std::vector<T> values(entry.data.size() / sizeof(T));
    std::memcpy(values.data(), entry.data.data(), entry.data.size());
    return values;
  }

 private:
  MappedFile file_;
  std::map<std::string, SafetensorsEntry> entries_;
};

std::string tensor_name(const char* field, int prompt) {
  return std::string(field).append(".").append(std::to_string(prompt));
}

}  // namespace

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_dir())) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) throw std::runtime_error("no checkpoint in " + golden_dir().string());
  return names;
}

GoldenCheckpoint golden_checkpoint(const std::string& name) {
  GoldenCheckpoint golden{.name = name,
                          .directory = golden_dir() / name,
                          .config = value_of(ModelConfig::read(golden_dir() / name)),
                          .prompts = {}};
  const ExpectedTensors expected(golden.directory / kExpectedFile);
  for (int i = 0; expected.has(tensor_name("prompt", i)); ++i) {
    golden.prompts.push_back(
        {.token_ids = expected.read<std::int32_t>(tensor_name("prompt", i)),
         .rows = expected.read<std::int32_t>(tensor_name("rows", i)),
         .logits = expected.read<float>(tensor_name("logits", i)),
         .greedy_continuation = expected.read<std::int32_t>(tensor_name("greedy", i)),
         .smallest_margin = expected.read<float>(tensor_name("margin", i)).at(0)});
  }
  return golden;
}

Weights GoldenCheckpoint::weights() const { return value_of(Weights::open(directory, config)); }

}  // namespace parapet::test
