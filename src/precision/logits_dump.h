// Logits in a safetensors file: what --dump-logits writes, and what any framework can write to be
// compared (docs/precision.md).
//
//   SEQUENCE.token_ids  I32 or I64 [tokens]      what the model was given
//   SEQUENCE.positions  I32 or I64 [positions]   the logits that follow these of them
//   SEQUENCE.logits     F32, F16 or BF16 [positions, vocab]
//   SEQUENCE.answer     I32 or I64 [tokens]      greedy, without the end token; of prompts only,
//                                                and only where one was written
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/output_file.h"
#include "checkpoint/safetensors.h"
#include "parapet/error.h"
#include "precision/side.h"

namespace parapet {

// Writes the logits of sequences that are known beforehand.
class LogitsDumpWriter {
 public:
  // `answers`: of the sequences with an answer, by name. A file that is there already is refused.
  static Result<LogitsDumpWriter> create(
      const std::filesystem::path& file, std::span<const ForcedSequence> sequences,
      std::int64_t vocab_size, const std::map<std::string, std::vector<TokenId>>& answers);

  // [positions, vocab] of the i-th sequence; each once, in any order.
  Status write(std::size_t sequence, std::span<const float> logits);
  Status finish() { return file_.finish(); }

 private:
  LogitsDumpWriter(OutputFile file, std::vector<std::uint64_t> offsets)
      : file_(std::move(file)), offsets_(std::move(offsets)) {}

  OutputFile file_;
  std::vector<std::uint64_t> offsets_;  // of each sequence's logits
};

class LogitsDump {
 public:
  static Result<LogitsDump> open(const std::filesystem::path& file);

  std::int64_t vocab_size() const { return vocab_size_; }
  // The rows of a sequence at its positions, widened to floats. kNotFound where the file does not
  // have it; kInvalidArgument where it has it of other tokens, or not at all these positions.
  Result<std::vector<float>> rows(const ForcedSequence& sequence) const;
  // Empty where the file has none of that sequence.
  Result<std::optional<std::vector<TokenId>>> answer(const std::string& sequence) const;

 private:
  explicit LogitsDump(MappedFile file) : file_(std::move(file)) {}
  const SafetensorsEntry* find(const std::string& name) const;
  Status check(const ForcedSequence& sequence, const SafetensorsEntry& logits,
               std::size_t num_positions) const;
  Error wrong(const std::string& tensor, const std::string& what) const;
  Result<std::vector<std::int64_t>> integers(const std::string& name) const;

  MappedFile file_;
  std::string name_;
  std::int64_t vocab_size_ = 0;
  std::map<std::string, SafetensorsEntry> entries_;
};

}  // namespace parapet
