// Reads tokenizer.json: what it may say, and everything that can be wrong with it.
#pragma once

#include <vector>

#include "base/json.h"
#include "parapet/error.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/split.h"

namespace parapet {

struct TokenizerParts {
  BpeModel bpe;
  SplitPattern split;
  bool normalize_nfc = false;
  std::vector<AddedToken> added_tokens;  // in the order of the file
};

Result<TokenizerParts> read_tokenizer_json(const JsonDocument& document);

}  // namespace parapet
