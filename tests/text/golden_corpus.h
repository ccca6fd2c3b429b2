// Reads what tools/golden/tokenizer_corpus.py froze.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace parapet::testing {

struct GoldenCase {
  std::string text;  // the single byte FF: a case of decoding alone
  std::vector<TokenId> ids;
  std::string decoded, decoded_without_special;
  bool decode_only() const { return text == "\xFF"; }
};

// Throws where the file is not what the script writes.
std::vector<GoldenCase> read_golden_corpus(const std::filesystem::path& file);

std::filesystem::path golden_directory();  // tests/golden/tokenizer

std::string read_text(const std::filesystem::path& file);
// The tokenizer, or an exception that says why not.
Tokenizer load_qwen3();
Tokenizer load_flags();  // flags.json of the golden directory

}  // namespace parapet::testing
