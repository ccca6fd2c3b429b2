// A server that runs the same model, asked through /v1/completions with token ids for prompts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http_client/http_client.h"
#include "precision/completion_logprobs.h"
#include "precision/side.h"

namespace parapet {

struct ServerSideOptions {
  std::string url;
  std::string api_key;
  std::int64_t vocab_size = 0;      // of the reference: no more is asked for
  std::int64_t top_logprobs = 0;    // 0: as many as the server gives
  std::vector<TokenId> end_tokens;  // an answer ends before one of them
  std::chrono::milliseconds timeout{600'000};
};

// Works with whatever answers as OpenAI's legacy completions do and names tokens by id: Parapet,
// vLLM and what is built on it ("return_tokens_as_token_ids"), llama.cpp.
class ServerSide final : public Side {
 public:
  // Asks the server for its model. kIo: nobody is there; kUnsupported: what answers gives no
  // log-probabilities of token ids.
  static Result<std::unique_ptr<Side>> open(ServerSideOptions options);

  PrecisionSide describe() const override { return description_; }
  std::int64_t vocab_size() const override { return 0; }
  bool can_answer() const override { return true; }
  Result<std::vector<std::vector<TokenId>>> answers(std::span<const std::vector<TokenId>> prompts,
                                                    std::int64_t max_tokens) override;
  // Each position is a prompt that ends there, so that any server can be asked for it; what they
  // begin with is for its prefix cache.
  Result<std::vector<SideRows>> rows(std::span<const ForcedSequence> sequences) override;

 private:
  ServerSide(HttpClient client, ServerSideOptions options)
      : client_(std::move(client)), options_(std::move(options)) {}

  Status introduce();
  // As many likely tokens as the server gives without refusing.
  Result<std::int64_t> find_top_logprobs(const std::vector<TokenId>& prompt);
  Result<std::vector<CompletionTokens>> complete(std::span<const std::vector<TokenId>> prompts,
                                                 std::int64_t max_tokens,
                                                 std::int64_t top_logprobs);

  HttpClient client_;
  ServerSideOptions options_;
  PrecisionSide description_;
  bool is_llama_cpp_ = false;
  std::int64_t found_top_ = 0;
};

}  // namespace parapet
