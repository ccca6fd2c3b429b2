// Who judges a dataset: a model in this process, or a server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "e2e/config.h"
#include "e2e/scores.h"
#include "http_client/http_client.h"
#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/guard.h"
#include "parapet/types.h"

namespace parapet {

// So many conversations have been judged.
using JudgedSoFar = std::function<void(std::size_t done)>;

class Judge {
 public:
  virtual ~Judge() = default;
  // An answer a conversation, in order. A conversation that the model gives no verdict on is an
  // answer; an Error means that judging cannot go on.
  virtual Result<std::vector<GuardAnswer>> judge(std::span<const Conversation> conversations,
                                                 const JudgedSoFar& on_progress) = 0;
};

// `batch_size` conversations are asked at once; 0: as many as are fast.
std::unique_ptr<Judge> judge_of(Guard& guard, std::int64_t batch_size);

// Asks /v1/verdicts, which Parapet has, for whole batches; a server that answers 404 there, such as
// vLLM's, is asked through /v1/chat/completions, a conversation a request and `batch_size` at once,
// and what its model writes is read here.
class ServerJudge final : public Judge {
 public:
  // kIo: nobody answers, or not as a server of models does.
  static Result<std::unique_ptr<ServerJudge>> connect(const HttpClientOptions& server,
                                                      std::int64_t batch_size);
  const std::string& model() const { return model_; }      // as it calls what it serves
  const std::string& version() const { return version_; }  // of the server; may be empty
  Result<std::vector<GuardAnswer>> judge(std::span<const Conversation> conversations,
                                         const JudgedSoFar& on_progress) override;

 private:
  ServerJudge(HttpClientOptions server, HttpClient client, std::int64_t batch_size);
  Result<std::vector<GuardAnswer>> by_verdicts(std::span<const Conversation> conversations,
                                               const JudgedSoFar& on_progress);
  Result<std::vector<GuardAnswer>> by_chat(std::span<const Conversation> conversations,
                                           const JudgedSoFar& on_progress) const;
  Status learn_routes();

  HttpClientOptions server_;
  HttpClient client_;
  std::int64_t batch_size_;
  std::string model_;
  std::string version_;
  bool has_verdicts_ = false;
};

}  // namespace parapet
