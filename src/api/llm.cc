#include "parapet/llm.h"

#include <utility>

#include "api/boundary.h"
#include "api/loaded_model.h"
#include "api/stopwatch.h"
#include "base/check.h"

namespace parapet {
namespace {

GenerationRequest make_request(const LoadedModel& model, std::vector<TokenId> prompt,
                               const SamplingParams& params) {
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = params.temperature;
  request.sampling.top_k = params.top_k;
  request.sampling.top_p = params.top_p;
  request.sampling.seed = params.seed.value_or(0);
  request.max_tokens = params.max_tokens;
  request.stop_token_ids = params.stop_token_ids;
  if (!params.ignore_eos) {
    const auto& ends = model.end_tokens();
    request.stop_token_ids.insert(request.stop_token_ids.end(), ends.begin(), ends.end());
  }
  return request;
}

RequestOutput make_output(const LoadedModel& model, const PreparedRequest& prepared,
                          GenerationOutput generated) {
  RequestOutput output;
  output.prompt = prepared.prompt;
  output.prompt_token_ids = prepared.request.prompt;
  output.usage = generated.usage;
  output.timing = timing_of(prepared, generated);
  CompletionOutput completion;
  completion.text = model.tokenizer().decode(generated.token_ids, /*skip_special_tokens=*/true);
  completion.token_ids = std::move(generated.token_ids);
  completion.finish_reason = generated.finish_reason == FinishReason::kLength ? "length" : "stop";
  output.outputs.push_back(std::move(completion));
  return output;
}

// render(item) gives text and ids of one prompt; everything else is the same for all.
template <class Item, class Render>
std::vector<Result<RequestOutput>> run(LoadedModel& model, const std::vector<Item>& items,
                                       const SamplingParams& params, const Render& render) {
  std::vector<Result<PreparedRequest>> prepared;
  prepared.reserve(items.size());
  for (const Item& item : items) {
    prepared.push_back(guarded([&]() -> Result<PreparedRequest> {
      const Stopwatch watch;
      PARAPET_ASSIGN(ChatTokenizer::Rendered rendered, render(item));
      auto request = make_request(model, std::move(rendered.ids), params);
      return PreparedRequest{std::move(rendered.text), std::move(request), watch.milliseconds()};
    }));
  }
  auto generated = run_prepared(model, prepared);
  std::vector<Result<RequestOutput>> outputs;
  for (std::size_t i = 0; i < generated.size(); ++i) {
    if (generated[i]) {
      outputs.emplace_back(make_output(model, *prepared[i], std::move(*generated[i])));
    } else {
      outputs.emplace_back(generated[i].error());
    }
  }
  return outputs;
}

}  // namespace

LLM::LLM(std::unique_ptr<LoadedModel> model) : model_(std::move(model)) {}
LLM::LLM(LLM&&) noexcept = default;
LLM& LLM::operator=(LLM&&) noexcept = default;
LLM::~LLM() = default;

Result<LLM> LLM::load(const ModelOptions& options) {
  return guarded([&]() -> Result<LLM> {
    PARAPET_ASSIGN(auto model, LoadedModel::load(options));
    return LLM(std::move(model));
  });
}

std::vector<Result<RequestOutput>> LLM::generate(const std::vector<std::string>& prompts,
                                                 const SamplingParams& params) {
  return run(*model_, prompts, params,
             [&](const std::string& prompt) -> Result<ChatTokenizer::Rendered> {
               return ChatTokenizer::Rendered{prompt, model_->chat_tokenizer().encode(prompt)};
             });
}

std::vector<Result<RequestOutput>> LLM::chat(const std::vector<Conversation>& conversations,
                                             const SamplingParams& params) {
  return run(*model_, conversations, params, [&](const Conversation& conversation) {
    return model_->chat_tokenizer().render(conversation, model_->template_tokens());
  });
}

const ChatTokenizer& LLM::tokenizer() const { return model_->chat_tokenizer(); }

}  // namespace parapet
