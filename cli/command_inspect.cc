// parapet inspect: what a checkpoint is, without loading it.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "model_flags.h"
#include "numbers.h"
#include "parapet/model_card.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

struct InspectOptions {
  std::filesystem::path model;
  bool json = false;
};

std::string card_json(const ModelCard& card) {
  ordered_json shards = ordered_json::array();
  for (const auto& shard : card.shards) {
    shards.push_back({{"file", shard.file}, {"bytes", shard.bytes}});
  }
  return ordered_json{
      {"architecture", card.architecture},
      {"dtype", card.dtype},
      {"quantization", card.quantization},
      {"quantization_method", card.quantization_method},
      {"quantization_group_size", card.quantization_group_size},
      {"quantization_dense_layers", card.quantization_dense_layers},
      {"bits_per_weight", card.bits_per_weight()},
      {"num_hidden_layers", card.num_layers},
      {"hidden_size", card.hidden_size},
      {"intermediate_size", card.intermediate_size},
      {"num_attention_heads", card.num_heads},
      {"num_key_value_heads", card.num_kv_heads},
      {"head_dim", card.head_dim},
      {"rope_theta", card.rope_theta},
      {"rms_norm_eps", card.rms_norm_eps},
      {"max_position_embeddings", card.max_positions},
      {"vocab_size", card.vocab_size},
      {"tie_word_embeddings", card.tied_embeddings},
      {"num_parameters", card.num_parameters},
      {"shards", shards},
      {"weight_bytes", card.weight_bytes},
      {"num_tensors", card.num_tensors},
      {"kv_bytes_per_token", card.kv_bytes_per_token},
      {"kv_cache_dtype", card.kv_dtype},
      {"has_weights", card.has_weights},
      {"has_tokenizer", card.has_tokenizer},
      {"tokenizer_size", card.tokenizer_size},
      {"has_chat_template", card.has_chat_template},
  }
      .dump(2);
}

void print_card(const ModelCard& card) {
  const Table table({24, 70});
  const auto row = [&](const char* name, const std::string& value) {
    table.print({{name, Color::kDim}, {value}});
  };
  row("Architecture", card.architecture);
  row("Attention", fmt::format("GQA: {} query heads, {} KV heads of {}", card.num_heads,
                               card.num_kv_heads, card.head_dim));
  row("Hidden layers", grouped(card.num_layers));
  row("Hidden size", grouped(card.hidden_size));
  row("Intermediate size", grouped(card.intermediate_size));
  row("Position encoding", fmt::format("RoPE, theta {:g}", card.rope_theta));
  row("Max positions", grouped(card.max_positions));
  row("Vocabulary", grouped(card.vocab_size));
  row("Tied embeddings", card.tied_embeddings ? "yes" : "no");
  row("Parameters", grouped(card.num_parameters));
  row("Weights",
      fmt::format("{}, {} ({} bytes){}", card.quantization.empty() ? card.dtype : card.quantization,
                  human_bytes(card.weight_bytes),
                  grouped(static_cast<std::int64_t>(card.weight_bytes)),
                  card.has_weights ? "" : ": no weight files here; --load-format dummy runs it"));
  if (!card.quantization.empty()) {
    row("Quantization",
        fmt::format("{} in groups of {} ({}), {:.2f} bits a weight{}", card.quantization,
                    card.quantization_group_size, card.quantization_method, card.bits_per_weight(),
                    dense_layers_text(card.quantization_dense_layers)));
  }
  for (const auto& shard : card.shards) {
    row("  shard", fmt::format("{}  {}", shard.file, human_bytes(shard.bytes)));
  }
  if (card.has_weights) row("Tensors", grouped(card.num_tensors));
  row("KV cache",
      fmt::format("{} bytes a token in {}", grouped(card.kv_bytes_per_token), card.kv_dtype));
  row("Tokenizer",
      card.has_tokenizer ? fmt::format("{} ids", grouped(card.tokenizer_size)) : "none");
  row("Chat template", card.has_chat_template ? "yes" : "none");
}

ExitStatus run_inspect(const InspectOptions& options) {
  const auto card = inspect(options.model);
  if (!card) {
    print_error(card.error());
    return exit_status(card.error());
  }
  if (options.json) {
    fmt::print("{}\n", card_json(*card));
  } else {
    print_card(*card);
  }
  return kExitSafe;
}

}  // namespace

void add_inspect(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand("inspect", "Show and check what a checkpoint is");
  options->model = default_model();
  command->add_option("DIR", options->model, "Checkpoint folder")
      ->default_str("the bundled parapet-guard-tiny, or $PARAPET_MODEL");
  command->add_flag("--json", options->json, "The card as one JSON object");
  command->callback([options, chosen] { chosen([options] { return run_inspect(*options); }); });
}

}  // namespace parapet::cli
