// Where verdicts are written down before they are answered. The server calls it; an audit log is
// one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parapet/error.h"
#include "parapet/guard.h"

namespace parapet::server {

enum class JudgedKind : std::uint8_t { kPrompt, kResponse };

// What one verdict was about, and what it was.
struct VerdictRecord {
  std::chrono::system_clock::time_point time;  // when the request came
  std::string request_id;                      // unique among verdicts: "verd-4f...-0"
  std::string model;                           // as served
  std::string policy_hash;  // of what the template writes around every conversation; hex
  std::string text;         // of the judged message; the sink hashes or keeps it, as it was told
  JudgedKind kind = JudgedKind::kPrompt;
  // "Safe", "Controversial", "Unsafe"; "Unavailable" where overload was answered with a verdict;
  // "Error" where there is none, and `error` says why.
  std::string label;
  std::vector<std::string> categories;  // as the model names them
  std::optional<bool> refusal;          // of responses
  std::optional<LabelProbabilities> probabilities;
  double latency_ms = 0;  // from the request's arrival to the verdict
  std::optional<Error> error;
};

// Every method may be called from any thread at any time.
class VerdictSink {
 public:
  virtual ~VerdictSink() = default;

  // Returns without waiting. `durable` is called once, from any thread, when the record would
  // survive a kill -9, or with the reason why it cannot: only then is the verdict answered. It
  // returns soon and does not throw.
  virtual void record(VerdictRecord record, std::function<void(Status)> durable) = 0;
  // Waits until every `durable` of before has been called: what it refers to may then go.
  virtual void flush() {}

  // GET /v1/audit: `parameters` are those of the URL, decoded. A JSON object, or what is wrong with
  // a parameter (kInvalidArgument). May take a while: the server calls it on a thread that may
  // wait.
  virtual Result<std::string> query_json(const std::map<std::string, std::string>& parameters) = 0;
};

}  // namespace parapet::server
