#include "parapet/guard.h"

#include <utility>

#include "api/boundary.h"
#include "api/loaded_model.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "guard/label_tokens.h"
#include "guard/verdict_parser.h"

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

  bool operator()(std::span<const TokenId> output) {
    for (; num_read_ < output.size(); ++num_read_) text_ += decoder_.push(output[num_read_]);
    return read_verdict(text_, mode_).progress == VerdictProgress::kBroken;
  }

 private:
  IncrementalDecoder decoder_;
  GuardMode mode_;
  std::string text_;
  std::size_t num_read_ = 0;
};

bool begins_with(const std::vector<TokenId>& output, const std::vector<TokenId>& head) {
  return output.size() >= head.size() && std::equal(head.begin(), head.end(), output.begin());
}

}  // namespace

struct Guard::Impl {
  std::unique_ptr<LoadedModel> model;
  LabelTokens labels;

  Result<PreparedRequest> prepare(const Conversation& conversation) const;
  Verdict conclude(GuardMode mode, const PreparedRequest& prepared,
                   const GenerationOutput& generated) const;
  // Fills what the answer says, or why it says nothing.
  Status read_answer(GuardMode mode, const GenerationOutput& generated, Verdict& verdict) const;
};

Result<PreparedRequest> Guard::Impl::prepare(const Conversation& conversation) const {
  if (conversation.empty()) {
    return Error{ErrorCode::kInvalidArgument, "the conversation has no messages"};
  }
  const Stopwatch watch;
  PARAPET_ASSIGN(auto rendered,
                 model->chat_tokenizer().render(conversation, model->template_tokens()));
  GenerationRequest request;
  request.prompt = std::move(rendered.ids);
  request.max_tokens = kMaxVerdictTokens;
  request.stop_token_ids = model->end_tokens();
  request.stop_when = AnswerWatcher(model->tokenizer(), mode_of(conversation));
  const auto label_step = static_cast<std::int64_t>(labels.head.size());
  request.logprobs.push_back(
      {label_step, {labels.first_tokens.begin(), labels.first_tokens.end()}});
  return PreparedRequest{std::move(rendered.text), std::move(request), watch.milliseconds()};
}

Status Guard::Impl::read_answer(GuardMode mode, const GenerationOutput& generated,
                                Verdict& verdict) const {
  if (begins_with(generated.token_ids, labels.head) && !generated.logprobs[0].empty()) {
    const std::span<const float, 3> logprobs(generated.logprobs[0].data(), 3);
    PARAPET_ASSIGN(verdict.probabilities, label_probabilities(logprobs));
  }
  if (generated.finish_reason == FinishReason::kLength) {
    return Error{ErrorCode::kMalformedOutput,
                 "the model's answer is not finished after " +
                     std::to_string(generated.usage.completion_tokens) + " tokens"};
  }
  PARAPET_ASSIGN(ParsedVerdict parsed, parse_verdict(verdict.text, mode));
  verdict.safety = parsed.safety;
  verdict.categories = std::move(parsed.categories);
  verdict.refusal = parsed.refusal;
  return {};
}

Verdict Guard::Impl::conclude(GuardMode mode, const PreparedRequest& prepared,
                              const GenerationOutput& generated) const {
  Verdict verdict;
  verdict.text = model->tokenizer().decode(generated.token_ids);
  verdict.usage = generated.usage;
  verdict.timing = timing_of(prepared, generated);
  if (auto read = read_answer(mode, generated, verdict); !read) {
    verdict.error = std::move(read).error();
  }
  return verdict;
}

Guard::Guard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::load(const ModelOptions& options) {
  return guarded([&]() -> Result<Guard> {
    auto impl = std::make_unique<Impl>();
    PARAPET_ASSIGN(impl->model, LoadedModel::load(options));
    PARAPET_ASSIGN(impl->labels, LabelTokens::find(impl->model->tokenizer()));
    return Guard(std::move(impl));
  });
}

std::vector<Result<Verdict>> Guard::judge(const std::vector<Conversation>& conversations) {
  std::vector<Result<PreparedRequest>> prepared;
  prepared.reserve(conversations.size());
  for (const Conversation& conversation : conversations) {
    prepared.push_back(guarded([&] { return impl_->prepare(conversation); }));
  }
  const auto generated = run_prepared(*impl_->model, prepared);
  std::vector<Result<Verdict>> verdicts;
  for (std::size_t i = 0; i < generated.size(); ++i) {
    if (generated[i]) {
      verdicts.emplace_back(
          impl_->conclude(mode_of(conversations[i]), *prepared[i], *generated[i]));
    } else {
      verdicts.emplace_back(generated[i].error());
    }
  }
  return verdicts;
}

}  // namespace parapet
