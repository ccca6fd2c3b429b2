// What tests of LLM share: a loaded model, and answers that must be there.
#pragma once

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "parapet/llm.h"
#include "support/paths.h"

namespace parapet::test {

inline ModelOptions bundled() {
  ModelOptions options;
  options.model = bundled_model();
  return options;
}

// Random weights: a model that knows nothing and writes anything.
inline ModelOptions random_weights() {
  ModelOptions options = bundled();
  options.load_format = "dummy";
  return options;
}

template <class Value>
Value need(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline LLM load(const ModelOptions& options = bundled()) { return need(LLM::load(options)); }

inline RequestOutput generate(LLM& llm, const std::string& prompt, const SamplingParams& params) {
  return need(std::move(llm.generate({prompt}, params).at(0)));
}

inline RequestOutput chat(LLM& llm, const std::string& prompt, const SamplingParams& params) {
  return need(std::move(llm.chat({{{"user", prompt}}}, params).at(0)));
}

// So many tokens, whatever they are.
inline SamplingParams tokens(std::int64_t count) {
  SamplingParams params;
  params.max_tokens = count;
  params.ignore_eos = true;
  return params;
}

// The whole answer and the pieces that it came in.
struct Streamed {
  Result<RequestOutput> output;
  std::vector<OutputDelta> deltas;

  std::string text(std::int64_t index = 0) const {
    std::string text;
    for (const OutputDelta& delta : deltas) {
      if (delta.index == index) text += delta.text;
    }
    return text;
  }
};

inline Streamed stream_chat(LLM& llm, const std::string& prompt, const SamplingParams& params) {
  std::promise<Result<RequestOutput>> promise;
  std::vector<OutputDelta> deltas;
  llm.chat_async(
      {{"user", prompt}}, params, [&](const OutputDelta& delta) { deltas.push_back(delta); },
      [&](Result<RequestOutput> output) { promise.set_value(std::move(output)); });
  auto output = promise.get_future().get();
  return {std::move(output), std::move(deltas)};
}

}  // namespace parapet::test
