#include "parapet/llm.h"

#include <algorithm>
#include <utility>

#include "api/answer_writer.h"
#include "api/boundary.h"
#include "api/gate.h"
#include "api/generation_requests.h"
#include "api/loaded_model.h"
#include "api/public_logprobs.h"
#include "api/stopwatch.h"
#include "api/timing_of.h"
#include "base/check.h"

namespace parapet {
namespace {

// One request of the public API: n requests of the engine, gathered into one answer. All but its
// making happens on the engine's thread.
class Gathering {
 public:
  Gathering(LoadedModel& model, ChatTokenizer::Rendered prompt, double render_ms,
            OnOutput on_output)
      : model_(model), render_ms_(render_ms), on_output_(std::move(on_output)) {
    output_.prompt = std::move(prompt.text);
    output_.prompt_token_ids = std::move(prompt.ids);
  }

  // Returns the engine's requests.
  static std::vector<RequestId> submit(const std::shared_ptr<Gathering>& self,
                                       std::vector<GenerationRequest> requests,
                                       const SamplingParams& params, const OnDelta& on_delta) {
    self->output_.outputs.resize(requests.size());
    self->remaining_ = requests.size();
    std::vector<RequestId> ids;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto writer = std::make_shared<AnswerWriter>(self->model_.tokenizer(), params,
                                                   static_cast<std::int64_t>(i), on_delta);
      set_prompt(self->model_, params, self->output_.prompt_token_ids, requests[i]);
      requests[i].stop_when = [writer](std::span<const TokenId> output,
                                       const GenerationOutput& so_far) {
        return writer->read(output, so_far);
      };
      // Once is enough, but where each answer's first delta tells them.
      if (i > 0 && !on_delta) requests[i].prompt_logprobs.reset();
      ids.push_back(self->model_.engine().submit(
          std::move(requests[i]), [self, i, writer](Result<GenerationOutput> answer) {
            self->take(i, *writer, std::move(answer));
          }));
    }
    return ids;
  }

 private:
  void take(std::size_t index, AnswerWriter& writer, Result<GenerationOutput> answer) {
    if (answer) {
      writer.finish();
      add(index, writer, *answer);
    } else if (!error_) {
      error_ = answer.error();
    }
    if (--remaining_ > 0) return;
    if (error_) {
      on_output_(std::move(*error_));
    } else {
      on_output_(std::move(output_));
    }
  }

  void add(std::size_t index, const AnswerWriter& writer, GenerationOutput& answer) {
    CompletionOutput& completion = output_.outputs[index];
    completion.text = writer.text();
    completion.token_ids = std::move(answer.token_ids);
    completion.finish_reason = answer.finish_reason == FinishReason::kLength ? "length" : "stop";
    completion.stop_string = writer.stop_string();
    completion.stop_token = answer.stop_token;
    completion.logprobs = public_logprobs(answer.logprobs);
    completion.token_logprobs = std::move(answer.token_logprobs);
    completion.num_passes = answer.num_passes;
    if (index == 0) {
      output_.prompt_logprobs = public_logprobs(answer.prompt_logprobs);
      output_.usage.prompt_tokens = answer.usage.prompt_tokens;
      output_.usage.cached_tokens = answer.usage.cached_tokens;
    }
    output_.usage.completion_tokens += answer.usage.completion_tokens;
    const Timing timing = timing_of(render_ms_, answer.timing);
    if (timing.total_ms > output_.timing.total_ms) output_.timing = timing;
  }

  LoadedModel& model_;
  double render_ms_;
  OnOutput on_output_;
  RequestOutput output_;
  std::optional<Error> error_;
  std::size_t remaining_ = 0;
};

// The most tokens that a request can come to.
std::int64_t most_tokens(const LoadedModel& model, std::size_t prompt_len,
                         const SamplingParams& params) {
  const auto prompt = static_cast<std::int64_t>(prompt_len);
  const std::int64_t room = model.info().max_model_len - prompt;
  return prompt + std::clamp<std::int64_t>(params.max_tokens, 0, std::max<std::int64_t>(room, 0)) *
                      std::clamp<std::int64_t>(params.n, 1, 128);
}

}  // namespace

struct LLM::Impl {
  std::shared_ptr<LoadedModel> model;

  using Render = std::function<Result<ChatTokenizer::Rendered>()>;

  // Answers on_output exactly once; a request that cannot be made answers here and now.
  RequestHandle submit(const Render& render, const SamplingParams& params, const OnDelta& on_delta,
                       OnOutput on_output, std::int64_t* expected = nullptr) {
    const Stopwatch watch;
    auto requests = guarded([&] { return make_requests(*model, params); });
    if (!requests) return on_output(requests.error()), RequestHandle();
    auto rendered = guarded(render);
    if (!rendered) return on_output(rendered.error()), RequestHandle();
    if (expected != nullptr) *expected += most_tokens(*model, rendered->ids.size(), params);
    const auto gathering = std::make_shared<Gathering>(*model, std::move(*rendered),
                                                       watch.milliseconds(), std::move(on_output));
    const auto ids = Gathering::submit(gathering, std::move(*requests), params, on_delta);
    return RequestHandle(model->engine().canceller(ids));
  }

  // render(i) gives the prompt of request i; the rest is the same for all.
  std::vector<Result<RequestOutput>> run(
      std::size_t count, const SamplingParams& params,
      const std::function<Result<ChatTokenizer::Rendered>(std::size_t)>& render) {
    std::vector<std::optional<Result<RequestOutput>>> answers(count);
    Gate gate(count);
    std::int64_t expected = 0;
    const auto progress = model->progress_of(expected);
    std::vector<Result<RequestOutput>> outputs;
    outputs.reserve(count);
    if (count == 0) return outputs;
    for (std::size_t i = 0; i < count; ++i) {
      submit([&, i] { return render(i); }, params, {},
             [&, i](Result<RequestOutput> output) {
               answers[i] = std::move(output);
               gate.count_down();
             },
             &expected);
    }
    gate.wait(progress);
    for (auto& answer : answers) outputs.push_back(std::move(*answer));
    return outputs;
  }
};

LLM::LLM(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LLM::LLM(LLM&&) noexcept = default;
LLM& LLM::operator=(LLM&&) noexcept = default;
LLM::~LLM() = default;

Result<LLM> LLM::load(const ModelOptions& options) {
  return guarded([&]() -> Result<LLM> {
    auto impl = std::make_unique<Impl>();
    PARAPET_ASSIGN(impl->model, LoadedModel::load(options));
    return LLM(std::move(impl));
  });
}

std::vector<Result<RequestOutput>> LLM::generate(const std::vector<std::string>& prompts,
                                                 const SamplingParams& params) {
  return impl_->run(prompts.size(), params, [&](std::size_t i) -> Result<ChatTokenizer::Rendered> {
    return ChatTokenizer::Rendered{prompts[i], tokenizer().encode(prompts[i])};
  });
}

std::vector<Result<RequestOutput>> LLM::generate_from_ids(
    const std::vector<std::vector<TokenId>>& prompts, const SamplingParams& params) {
  return impl_->run(prompts.size(), params, [&](std::size_t i) -> Result<ChatTokenizer::Rendered> {
    return ChatTokenizer::Rendered{tokenizer().decode(prompts[i]), prompts[i]};
  });
}

std::vector<Result<RequestOutput>> LLM::chat(const std::vector<Conversation>& conversations,
                                             const SamplingParams& params) {
  return impl_->run(conversations.size(), params, [&](std::size_t i) {
    return tokenizer().render(conversations[i], impl_->model->template_tokens());
  });
}

RequestHandle LLM::generate_async(const std::string& prompt, const SamplingParams& params,
                                  const OnDelta& on_delta, OnOutput on_output) {
  return impl_->submit(
      [&]() -> Result<ChatTokenizer::Rendered> {
        return ChatTokenizer::Rendered{prompt, tokenizer().encode(prompt)};
      },
      params, on_delta, std::move(on_output));
}

RequestHandle LLM::generate_from_ids_async(std::vector<TokenId> prompt,
                                           const SamplingParams& params, const OnDelta& on_delta,
                                           OnOutput on_output) {
  return impl_->submit(
      [&]() -> Result<ChatTokenizer::Rendered> {
        std::string text = tokenizer().decode(prompt);
        return ChatTokenizer::Rendered{std::move(text), std::move(prompt)};
      },
      params, on_delta, std::move(on_output));
}

RequestHandle LLM::chat_async(const Conversation& conversation, const SamplingParams& params,
                              const OnDelta& on_delta, OnOutput on_output) {
  return impl_->submit(
      [&] { return tokenizer().render(conversation, impl_->model->template_tokens()); }, params,
      on_delta, std::move(on_output));
}

std::shared_ptr<LoadedModel> LLM::model() const { return impl_->model; }
const ChatTokenizer& LLM::tokenizer() const { return impl_->model->chat_tokenizer(); }
EngineInfo LLM::info() const { return impl_->model->info(); }
EngineCounters LLM::counters() const { return impl_->model->counters(); }
void LLM::reset_prefix_cache() { impl_->model->engine().reset_prefix_cache(); }

}  // namespace parapet
