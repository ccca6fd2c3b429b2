#include "sampling_flags.h"

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace parapet::cli {
namespace {

// Flags under one heading of --help.
class Section {
 public:
  Section(CLI::App& command, const char* heading) : command_(command), heading_(heading) {}

  template <class Value>
  CLI::Option* value(const char* name, Value& value, const char* help) {
    return command_.add_option(name, value, help)->group(heading_);
  }
  // Its default is told.
  template <class Value>
  CLI::Option* with_default(const char* name, Value& value, const char* help) {
    return this->value(name, value, help)->capture_default_str();
  }
  // Repeated, one text each time: a text may hold any delimiter.
  CLI::Option* texts(const char* name, std::vector<std::string>& texts, const char* help) {
    return value(name, texts, help)->allow_extra_args(false)->take_all()->type_name("TEXT");
  }
  // Repeated, or with commas.
  CLI::Option* ids(const char* name, std::vector<TokenId>& ids, const char* help) {
    return value(name, ids, help)
        ->allow_extra_args(false)
        ->take_all()
        ->delimiter(',')
        ->type_name("ID");
  }
  CLI::Option* flag(const char* name, bool& flag, const char* help) {
    return command_.add_flag(name, flag, help)->group(heading_);
  }

 private:
  CLI::App& command_;
  const char* heading_;
};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  return problem == std::errc() && stopped == end && !text.empty();
}

std::pair<TokenId, float> read_bias(std::string_view text) {
  const std::size_t equals = text.find('=');
  std::pair<TokenId, float> bias;
  if (equals == std::string_view::npos || !read_number(text.substr(0, equals), bias.first) ||
      !read_number(text.substr(equals + 1), bias.second)) {
    throw CLI::ValidationError("--logit-bias",
                               "'" + std::string(text) + "' is not ID=VALUE, like 151645=-2.5");
  }
  return bias;
}

void add_length_flags(Section section, SamplingParams& params) {
  section.with_default("-n,--max-tokens", params.max_tokens,
                       "Most tokens to write; 0: none, to read --prompt-logprobs");
  section.with_default("--min-tokens", params.min_tokens,
                       "Fewest tokens to write: until then no end token can come");
  section.texts("--stop", params.stop,
                "End the answer before this text, wherever it falls among the tokens; repeat it "
                "for several");
  section.flag("--include-stop-str-in-output", params.include_stop_str_in_output,
               "End the answer behind the --stop text instead");
  section.ids("--stop-token-id", params.stop_token_ids, "Tokens that end the answer");
  section.flag("--ignore-eos", params.ignore_eos, "Write on past the model's end token");
  section.flag("--plain-decoding", params.plain_decoding,
               "Write a guard's answer token by token instead of checking a draft of it; the text "
               "is the same");
}

void add_choice_flags(Section section, SamplingParams& params) {
  section.with_default("--temperature", params.temperature,
                       "0: always the likeliest token. Above, tokens are drawn: below 1 the "
                       "likely ones more often than the model says, above 1 less often");
  section.with_default("--top-p", params.top_p,
                       "Draw from the likeliest tokens that together hold this probability");
  section.with_default("--top-k", params.top_k, "Draw from the k likeliest tokens; 0: all");
  section.with_default("--min-p", params.min_p,
                       "Draw from tokens at least this likely, as a share of the likeliest one's "
                       "probability");
  section.value("--seed", params.seed, "Seed of the draws (0): the same seed, the same text");
  section.with_default("--n", params.n,
                       "Answers to each prompt; answer i draws with seed + i, so only a "
                       "temperature makes them differ");
}

void add_weight_flags(CLI::App& command, const char* heading, SamplingParams& params) {
  Section section(command, heading);
  section.with_default("--presence-penalty", params.presence_penalty,
                       "Subtracted from the logit of each token already written; -2 to 2");
  section.with_default("--frequency-penalty", params.frequency_penalty,
                       "The same, for every time it was written; -2 to 2");
  section.with_default("--repetition-penalty", params.repetition_penalty,
                       "Above 1: tokens of prompt and answer come less often; at most 2");
  command
      .add_option_function<std::vector<std::string>>(
          "--logit-bias",
          [&params](const std::vector<std::string>& biases) {
            for (const std::string& bias : biases) params.logit_bias.push_back(read_bias(bias));
          },
          "Added to a token's logit, -100 to 100: as 151645=-2.5")
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("ID=VALUE")
      ->group(heading);
}

void add_form_flags(Section section, SamplingParams& params) {
  section.ids("--allowed-token-id", params.allowed_token_ids, "Nothing but these tokens");
  section.texts("--bad-word", params.bad_words, "A text that must not be written");
  CLI::Option* choice =
      section.texts("--choice", params.choice, "The answer is one of these texts: repeat it");
  section
      .value("--regex", params.regex,
             "The whole answer matches this regular expression: 'Safety: (Safe|Unsafe)'")
      ->excludes(choice);
}

void add_logprob_flags(Section section, SamplingParams& params) {
  section
      .value("--logprobs", params.logprobs,
             "At each token, the logprobs of the chosen one and the K likeliest; -1: of all")
      ->type_name("K");
  section.value("--prompt-logprobs", params.prompt_logprobs, "The same for the prompt's tokens")
      ->type_name("K");
  section.ids("--logprob-token-id", params.logprob_token_ids,
              "At each token, the logprobs of exactly these");
}

}  // namespace

void add_sampling_flags(CLI::App& command, SamplingParams& params) {
  add_length_flags({command, "How much is written"}, params);
  add_choice_flags({command, "How a token is drawn"}, params);
  add_weight_flags(command, "What makes a token likelier", params);
  add_form_flags({command, "What may be written"}, params);
  add_logprob_flags({command, "What is told about tokens (with --json)"}, params);
}

}  // namespace parapet::cli
