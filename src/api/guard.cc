#include "parapet/guard.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "api/boundary.h"
#include "api/conversation_windows.h"
#include "api/gate.h"
#include "api/judgement.h"
#include "api/loaded_model.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "guard/verdict_parser.h"
#include "guard/verdict_plan.h"

namespace parapet {
namespace {

// The longest verdict names nine categories: about 60 tokens with Qwen3's tokenizer. Twice that
// leaves room for tokenizers that spell in smaller pieces.
constexpr std::int64_t kMaxVerdictTokens = 128;

GuardMode mode_of(const Conversation& conversation) {
  return conversation.back().role == "assistant" ? GuardMode::kResponse : GuardMode::kPrompt;
}

// Reads an answer while it is generated; true when it can no longer become a verdict.
class AnswerWatcher {
 public:
  AnswerWatcher(const Tokenizer& tokenizer, GuardMode mode) : decoder_(tokenizer), mode_(mode) {}

  bool operator()(std::span<const TokenId> output, const GenerationOutput& /*so_far*/) {
    for (; num_read_ < output.size(); ++num_read_) text_ += decoder_.push(output[num_read_]);
    return read_verdict(text_, mode_).progress == VerdictProgress::kBroken;
  }

 private:
  IncrementalDecoder decoder_;
  GuardMode mode_;
  std::string text_;
  std::size_t num_read_ = 0;
};

}  // namespace

// Hidden, as it would else be as visible as Guard.
struct __attribute__((visibility("hidden"))) Guard::Impl {
  std::array<std::once_flag, kGuardModes.size()> prefill_begun;
  std::shared_ptr<LoadedModel> model;  // one whose formats are known

  static Result<std::unique_ptr<Impl>> of_model(std::shared_ptr<LoadedModel> model);
  const GuardFormat& of(GuardMode mode) const { return model->guard_formats()->of(mode); }
  void prefill(GuardMode mode, const OnAnswer& on_answer);
  Status prefill_and_wait(GuardMode mode);

  Result<std::vector<TokenId>> render(const Conversation& conversation) const;
  Result<std::vector<std::vector<TokenId>>> prompts_of(const Conversation& conversation,
                                                       const JudgeOptions& options,
                                                       bool& context_cut) const;
  GenerationRequest request_for(GuardMode mode, std::vector<TokenId> prompt,
                                const JudgeOptions& options);
  RequestHandle submit(const Conversation& conversation, const JudgeOptions& options,
                       OnVerdict on_verdict, std::int64_t* expected = nullptr);
};

Result<std::unique_ptr<Guard::Impl>> Guard::Impl::of_model(std::shared_ptr<LoadedModel> model) {
  if (!model->guard_formats()) return model->guard_formats().error();
  auto impl = std::make_unique<Impl>();
  impl->model = std::move(model);
  return impl;
}

// Once a mode; afterwards the policy is in the cache, or on its way there.
void Guard::Impl::prefill(GuardMode mode, const OnAnswer& on_answer) {
  bool begun = false;
  std::call_once(prefill_begun[static_cast<std::size_t>(mode)], [&] {
    const std::vector<TokenId>& policy = of(mode).policy;
    if (policy.empty() || !model->engine().engine().limits().enable_prefix_caching) return;
    GenerationRequest request;
    request.prompt = policy;
    request.max_tokens = 0;
    request.num_public_tokens = std::ssize(policy);
    request.pin_prompt = true;
    model->engine().submit(std::move(request), on_answer);
    begun = true;
  });
  if (!begun) on_answer(GenerationOutput{});
}

Status Guard::Impl::prefill_and_wait(GuardMode mode) {
  Gate gate(1);
  Status status;
  prefill(mode, [&](const Result<GenerationOutput>& answer) {
    if (!answer) status = answer.error();
    gate.count_down();
  });
  gate.wait({});
  return status;
}

Result<std::vector<TokenId>> Guard::Impl::render(const Conversation& conversation) const {
  PARAPET_ASSIGN(auto rendered,
                 model->chat_tokenizer().render(conversation, model->template_tokens()));
  return std::move(rendered.ids);
}

// One prompt, or one a window.
Result<std::vector<std::vector<TokenId>>> Guard::Impl::prompts_of(const Conversation& conversation,
                                                                  const JudgeOptions& options,
                                                                  bool& context_cut) const {
  std::vector<std::vector<TokenId>> prompts;
  PARAPET_ASSIGN(auto whole, render(conversation));
  const std::int64_t max_len = model->info().max_model_len;
  if (std::ssize(whole) < max_len || !options.use_windows) {
    prompts.push_back(std::move(whole));  // if it is too long, the engine will say so
    return prompts;
  }
  const auto count = [this](const Conversation& window) -> Result<std::int64_t> {
    PARAPET_ASSIGN(const auto ids, render(window));
    return std::ssize(ids);
  };
  const std::int64_t answer = std::min(kMaxVerdictTokens, max_len / 2);
  PARAPET_ASSIGN(const auto fitted, fit_conversation(conversation, max_len - answer, count));
  context_cut = fitted.context_cut;
  for (const Conversation& window : fitted.windows) {
    PARAPET_ASSIGN(auto ids, render(window));
    prompts.push_back(std::move(ids));
  }
  return prompts;
}

GenerationRequest Guard::Impl::request_for(GuardMode mode, std::vector<TokenId> prompt,
                                           const JudgeOptions& options) {
  const GuardFormat& known = of(mode);
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens =
      options.stop_after_label ? std::ssize(known.tokens->labels().head) + 1 : kMaxVerdictTokens;
  request.stop_token_ids = model->end_tokens();
  request.stop_when = AnswerWatcher(model->tokenizer(), mode);
  request.plan = std::make_shared<VerdictPlan>(
      known.tokens, options.plain_decoding     ? VerdictPlan::Scope::kNothing
                    : options.stop_after_label ? VerdictPlan::Scope::kLabelOnly
                                               : VerdictPlan::Scope::kWhole);
  request.priority = options.priority;
  request.cache_salt = options.cache_salt;
  // A conversation for which the template begins otherwise shares less than the policy.
  request.num_public_tokens = known.num_shared(request.prompt);
  return request;
}

RequestHandle Guard::Impl::submit(const Conversation& conversation, const JudgeOptions& options,
                                  OnVerdict on_verdict, std::int64_t* expected) {
  const Stopwatch watch;
  bool context_cut = false;
  auto prompts = guarded([&]() -> Result<std::vector<std::vector<TokenId>>> {
    if (conversation.empty()) {
      return Error{ErrorCode::kInvalidArgument, "the conversation has no messages"};
    }
    return prompts_of(conversation, options, context_cut);
  });
  if (!prompts) return on_verdict(prompts.error()), RequestHandle();
  const GuardMode mode = mode_of(conversation);
  const auto judgement =
      std::make_shared<Judgement>(model->tokenizer(), of(mode).tokens, options,
                                  watch.milliseconds(), prompts->size(), std::move(on_verdict));
  if (context_cut) judgement->set_context_cut();
  std::vector<RequestId> ids;
  for (auto& prompt : *prompts) {
    if (expected != nullptr) *expected += std::ssize(prompt);
    ids.push_back(model->engine().submit(
        request_for(mode, std::move(prompt), options),
        [judgement](Result<GenerationOutput> answer) { judgement->take(std::move(answer)); }));
  }
  return RequestHandle(model->engine().canceller(std::move(ids)));
}

Guard::Guard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::load(const ModelOptions& options) {
  return guarded([&]() -> Result<Guard> {
    PARAPET_ASSIGN(auto model, LoadedModel::load(options));
    PARAPET_ASSIGN(auto impl, Impl::of_model(std::move(model)));
    return Guard(std::move(impl));
  });
}

Result<Guard> Guard::from(const LLM& llm) {
  return guarded([&]() -> Result<Guard> {
    PARAPET_ASSIGN(auto impl, Impl::of_model(llm.model()));
    return Guard(std::move(impl));
  });
}

std::vector<Result<Verdict>> Guard::judge(const std::vector<Conversation>& conversations,
                                          const JudgeOptions& options) {
  std::vector<std::optional<Result<Verdict>>> answers(conversations.size());
  std::vector<Result<Verdict>> verdicts;
  if (conversations.empty()) return verdicts;
  for (const Conversation& conversation : conversations) {
    // Without it verdicts are the same, only slower.
    if (!conversation.empty()) (void)impl_->prefill_and_wait(mode_of(conversation));
  }
  std::int64_t expected = 0;
  const auto progress = impl_->model->progress_of(expected);
  Gate gate(conversations.size());
  for (std::size_t i = 0; i < conversations.size(); ++i) {
    impl_->submit(
        conversations[i], options,
        [&, i](Result<Verdict> verdict) {
          answers[i] = std::move(verdict);
          gate.count_down();
        },
        &expected);
  }
  gate.wait(progress);
  for (auto& answer : answers) verdicts.push_back(std::move(*answer));
  return verdicts;
}

RequestHandle Guard::judge_async(const Conversation& conversation, const JudgeOptions& options,
                                 OnVerdict on_verdict) {
  if (!conversation.empty()) {
    impl_->prefill(mode_of(conversation), [](const Result<GenerationOutput>&) {});
  }
  return impl_->submit(conversation, options, std::move(on_verdict));
}

Status Guard::prefill_policies() {
  for (const GuardMode mode : kGuardModes) PARAPET_TRY(impl_->prefill_and_wait(mode));
  return {};
}

const ChatTokenizer& Guard::tokenizer() const { return impl_->model->chat_tokenizer(); }
EngineInfo Guard::info() const { return impl_->model->info(); }
EngineCounters Guard::counters() const { return impl_->model->counters(); }

}  // namespace parapet
