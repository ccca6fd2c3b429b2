#include "precision/logits_dump.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/half.h"
#include "checkpoint/safetensors_layout.h"

namespace parapet {
namespace {

NewEntry entry_of(std::string name, const char* dtype, std::vector<std::int64_t> shape) {
  NewEntry entry{.name = std::move(name), .dtype = dtype, .shape = std::move(shape)};
  entry.bytes = 4;
  for (const std::int64_t size : entry.shape) entry.bytes *= static_cast<std::uint64_t>(size);
  return entry;
}

std::vector<NewEntry> entries_of(std::span<const ForcedSequence> sequences, std::int64_t vocab_size,
                                 const std::map<std::string, std::vector<TokenId>>& answers) {
  std::vector<NewEntry> entries;
  for (const ForcedSequence& each : sequences) {
    const std::int64_t positions = std::ssize(each.positions);
    entries.push_back(entry_of(each.name + ".logits", "F32", {positions, vocab_size}));
    entries.push_back(entry_of(each.name + ".token_ids", "I32", {std::ssize(each.ids)}));
    entries.push_back(entry_of(each.name + ".positions", "I32", {positions}));
    if (const auto answer = answers.find(each.name); answer != answers.end()) {
      entries.push_back(entry_of(each.name + ".answer", "I32", {std::ssize(answer->second)}));
    }
  }
  return entries;
}

template <class T>
std::vector<std::int32_t> as_i32(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

// Floats of a dtype that is one of three.
std::vector<float> widened(const SafetensorsEntry& entry) {
  const std::size_t size = entry.dtype_name == "F32" ? 4 : 2;
  std::vector<float> values(entry.data.size() / size);
  if (size == 4) {
    std::memcpy(values.data(), entry.data.data(), entry.data.size());
    return values;
  }
  const auto convert = entry.dtype_name == "BF16" ? bf16_to_f32 : f16_to_f32;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = convert(value_at<std::uint16_t>(entry.data, i));
  }
  return values;
}

}  // namespace

Result<LogitsDumpWriter> LogitsDumpWriter::create(
    const std::filesystem::path& file, std::span<const ForcedSequence> sequences,
    std::int64_t vocab_size, const std::map<std::string, std::vector<TokenId>>& answers) {
  const auto files = lay_out(entries_of(sequences, vocab_size, answers),
                             std::numeric_limits<std::uint64_t>::max());
  const NewFile& layout = files.front();
  PARAPET_ASSIGN(OutputFile output, OutputFile::create(file, layout.bytes));
  PARAPET_TRY(output.write_at(0, std::as_bytes(std::span(layout.header))));
  std::map<std::string, std::uint64_t> offsets;
  for (const NewEntry& entry : layout.entries) offsets[entry.name] = entry.offset;
  const auto write = [&](const std::string& name, const std::vector<std::int32_t>& values) {
    return output.write_at(offsets.at(name), std::as_bytes(std::span(values)));
  };
  std::vector<std::uint64_t> logits;
  for (const ForcedSequence& each : sequences) {
    logits.push_back(offsets.at(each.name + ".logits"));
    PARAPET_TRY(write(each.name + ".token_ids", as_i32(each.ids)));
    PARAPET_TRY(write(each.name + ".positions", as_i32(each.positions)));
    if (const auto answer = answers.find(each.name); answer != answers.end()) {
      PARAPET_TRY(write(each.name + ".answer", as_i32(answer->second)));
    }
  }
  return LogitsDumpWriter(std::move(output), std::move(logits));
}

Status LogitsDumpWriter::write(std::size_t sequence, std::span<const float> logits) {
  return file_.write_at(offsets_.at(sequence), std::as_bytes(logits));
}

Result<LogitsDump> LogitsDump::open(const std::filesystem::path& file) {
  PARAPET_ASSIGN(MappedFile mapped, MappedFile::open(file));
  LogitsDump dump(std::move(mapped));
  dump.name_ = file.string();
  PARAPET_ASSIGN(auto entries, parse_safetensors(dump.name_, dump.file_.bytes()));
  for (SafetensorsEntry& entry : entries) {
    const std::string name = entry.name;
    if (name.ends_with(".logits")) {
      if (entry.shape.size() != 2 || entry.shape[1] < 2) {
        return dump.wrong(name, "expected two dimensions, [positions, vocabulary]");
      }
      if (dump.vocab_size_ != 0 && entry.shape[1] != dump.vocab_size_) {
        return dump.wrong(name, "has a vocabulary of " + std::to_string(entry.shape[1]) +
                                    ", others of " + std::to_string(dump.vocab_size_));
      }
      dump.vocab_size_ = entry.shape[1];
    }
    dump.entries_.emplace(name, std::move(entry));
  }
  if (dump.vocab_size_ == 0) return dump.wrong("*.logits", "there is no such tensor");
  return dump;
}

Error LogitsDump::wrong(const std::string& tensor, const std::string& what) const {
  return {ErrorCode::kInvalidArgument, name_ + ": " + tensor + ": " + what};
}

const SafetensorsEntry* LogitsDump::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<std::vector<std::int64_t>> LogitsDump::integers(const std::string& name) const {
  const SafetensorsEntry* entry = find(name);
  if (entry == nullptr) {
    return Error{ErrorCode::kNotFound,
                 name_ + ": has no tensor " + name + "; it was made of other prompts or positions"};
  }
  const bool wide = entry->dtype_name == "I64";
  if (!wide && entry->dtype_name != "I32") return wrong(name, "expected I32 or I64");
  std::vector<std::int64_t> values(entry->data.size() / (wide ? 8 : 4));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] =
        wide ? value_at<std::int64_t>(entry->data, i) : value_at<std::int32_t>(entry->data, i);
  }
  return values;
}

Status LogitsDump::check(const ForcedSequence& sequence, const SafetensorsEntry& logits,
                         std::size_t num_positions) const {
  const std::string& name = sequence.name;
  PARAPET_ASSIGN(const auto ids, integers(name + ".token_ids"));
  if (!std::ranges::equal(ids, sequence.ids)) {
    return wrong(name + ".token_ids", "these are not the tokens of this prompt");
  }
  if (logits.dtype_name != "F32" && logits.dtype_name != "BF16" && logits.dtype_name != "F16") {
    return wrong(name + ".logits", "expected F32, BF16 or F16");
  }
  if (logits.shape[0] == static_cast<std::int64_t>(num_positions)) return {};
  return wrong(name + ".logits", "has another number of rows than " + name + ".positions");
}

Result<std::vector<float>> LogitsDump::rows(const ForcedSequence& sequence) const {
  PARAPET_ASSIGN(const auto positions, integers(sequence.name + ".positions"));
  const SafetensorsEntry* logits = find(sequence.name + ".logits");
  if (logits == nullptr) {
    return Error{ErrorCode::kNotFound, name_ + ": has no tensor " + sequence.name + ".logits"};
  }
  PARAPET_TRY(check(sequence, *logits, positions.size()));
  const std::vector<float> stored = widened(*logits);
  std::vector<float> rows;
  for (const std::int64_t position : sequence.positions) {
    const auto at = std::ranges::find(positions, position);
    if (at == positions.end()) {
      return wrong(sequence.name + ".positions", "lacks " + std::to_string(position));
    }
    const auto row = stored.begin() + (at - positions.begin()) * vocab_size_;
    rows.insert(rows.end(), row, row + vocab_size_);
  }
  return rows;
}

Result<std::optional<std::vector<TokenId>>> LogitsDump::answer(const std::string& sequence) const {
  const std::string name = sequence + ".answer";
  if (find(name) == nullptr) return std::optional<std::vector<TokenId>>();
  PARAPET_ASSIGN(const auto ids, integers(name));
  std::vector<TokenId> answer;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocab_size_) return wrong(name, "an id is not in the vocabulary");
    answer.push_back(static_cast<TokenId>(id));
  }
  return std::optional(std::move(answer));
}

}  // namespace parapet
