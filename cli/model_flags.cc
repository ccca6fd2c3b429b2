#include "model_flags.h"

#include <cctype>
#include <cstdlib>
#include <map>
#include <system_error>

namespace parapet::cli {
namespace {

constexpr const char* kBundledModel = "parapet-guard-tiny";

std::filesystem::path program_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

// "8192", "8k" or "8K" (times 1024), "1m": as vLLM reads lengths.
std::string expand_length(std::string text) {
  if (text.empty()) return text;
  std::int64_t factor = 1;
  switch (text.back()) {
    case 'k':
    case 'K': factor = 1024; break;
    case 'm':
    case 'M': factor = std::int64_t{1024} * 1024; break;
    default: return text;
  }
  text.pop_back();
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != text.npos) {
    throw CLI::ValidationError("a length is a number like 8192 or 8k, not '" + text + "'");
  }
  return std::to_string(std::stoll(text) * factor);
}

// "4294967296", "512M", "4G" or "4GiB", in bytes.
std::string expand_bytes(std::string text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string::npos) return text;
  std::string unit = text.substr(digits);
  if (unit.size() > 1 && (unit.substr(1) == "iB" || unit.substr(1) == "B")) unit.resize(1);
  const std::size_t power =
      std::string("KMGT").find(unit.size() == 1 ? static_cast<char>(std::toupper(unit[0])) : '?');
  if (digits == 0 || digits > 9 || power == std::string::npos) {
    throw CLI::ValidationError("a size is bytes or a number with K, M, G or T, like 4G, not '" +
                               text + "'");
  }
  return std::to_string(std::stoll(text.substr(0, digits)) << (10 * (power + 1)));
}

void add_cache_flags(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--kv-cache-dtype", options.kv_cache_dtype,
                  "'auto' (bfloat16 for bfloat16 models, else float32), 'float32', 'bfloat16' or "
                  "'int8'")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "int8"}))
      ->capture_default_str();
  command.add_option("--block-size", options.block_size, "Tokens in one block of the KV cache")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::Option* bytes =
      command
          .add_option("--kv-cache-memory,--kv-cache-memory-bytes", options.kv_cache_memory,
                      "Bytes of the KV cache (takes 4G); 0: as --memory-utilization says, else "
                      "4 GiB or half of the free memory, whichever is less")
          ->transform(expand_bytes)
          ->check(CLI::NonNegativeNumber)
          ->default_str("0");
  command
      .add_option("--memory-utilization,--gpu-memory-utilization", options.memory_utilization,
                  "Share of the free memory that weights, activations and KV cache may take "
                  "together, as 0.9; 0: see --kv-cache-memory")
      ->check(CLI::Range(0.0, 1.0))
      ->excludes(bytes)
      ->default_str("0");
  command.add_flag("--enable-prefix-caching,!--no-enable-prefix-caching",
                   options.enable_prefix_caching,
                   "Keep what prompts begin with, and compute it once (on)");
  command.add_flag("--enforce-eager", options.enforce_eager, "Run op by op: capture no graphs");
}

}  // namespace

std::filesystem::path default_model() {
  if (const char* named = std::getenv("PARAPET_MODEL"); named != nullptr && *named != '\0') {
    return named;
  }
  const auto program = program_folder();
  const std::filesystem::path candidates[] = {
      program / "../../models" / kBundledModel,             // build/release/parapet in a checkout
      program / "../share/parapet/models" / kBundledModel,  // bin/parapet in an install tree
  };
  for (const auto& folder : candidates) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / "config.json", ignored)) return folder.lexically_normal();
  }
  return std::filesystem::path("models") / kBundledModel;
}

void add_model_folder(CLI::App& command, std::filesystem::path& folder) {
  folder = default_model();
  command.add_option("-m,--model", folder, "Checkpoint folder, as the model hub has it")
      ->default_str("the bundled parapet-guard-tiny, or $PARAPET_MODEL");
}

void add_template_tokens(CLI::App& command, TemplateTokens& tokens) {
  static const std::map<std::string, TemplateTokens> kChoices = {
      {"template", TemplateTokens::kTemplateOnly}, {"hf", TemplateTokens::kHuggingFace}};
  command
      .add_option("--template-tokens", tokens,
                  "Who may spell special tokens: 'template', the chat template alone; or 'hf', "
                  "messages too, as Hugging Face does (for comparison: text can then forge them)")
      ->transform(CLI::CheckedTransformer(kChoices))
      ->default_str("template");
}

void add_engine_flags(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--load-format", options.load_format,
                  "'auto' reads the safetensors; 'dummy' takes seeded random weights")
      ->check(CLI::IsMember({"auto", "dummy"}))
      ->capture_default_str();
  command
      .add_option(
          "-q,--quantization", options.quantization,
          "Quantize the weights while loading, all but the first layer's: 'int8' or 'int4'; "
          "takes seconds at every start, where 'parapet quantize' takes them once")
      ->check(CLI::IsMember({"int8", "int4"}))
      ->default_str("as the checkpoint has them");
  command.add_option("--weights-seed", options.seed, "Seed of dummy weights")
      ->capture_default_str();
  command
      .add_option("--device", options.device,
                  "'cpu', or 'reference': plain and slow, what all others are checked against")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->capture_default_str();
  command
      .add_option("--activation-dtype", options.activation_dtype,
                  "'float32', or 'bfloat16': round what an accelerator rounds, to see what it "
                  "changes; slower than float32")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  command
      .add_option("-t,--threads", options.num_threads, "CPU threads; 0: all this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Longest prompt and answer together, in tokens (takes 8k); 0: the model's own")
      ->transform(expand_length)
      ->check(CLI::NonNegativeNumber)
      ->default_str("0");
  command
      .add_option("--max-num-batched-tokens", options.max_num_batched_tokens,
                  "Most tokens one step computes; longer prompts are prefilled in chunks")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--max-num-seqs", options.max_num_seqs, "Most sequences one step computes")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_cache_flags(command, options);
}

void add_model_flags(CLI::App& command, ModelOptions& options) {
  add_model_folder(command, options.model);
  add_template_tokens(command, options.template_tokens);
  add_engine_flags(command, options);
}

}  // namespace parapet::cli
