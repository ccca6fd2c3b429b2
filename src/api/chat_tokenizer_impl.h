// What stands behind ChatTokenizer, for those in this folder who need the parts.
#pragma once

#include "parapet/chat_tokenizer.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace parapet {

struct ChatTokenizer::Impl {
  Tokenizer tokenizer;
  // A checkpoint without a template, or with a broken one, still tokenizes: the error waits here
  // for whoever renders.
  Result<ChatTemplate> chat_template;
};

}  // namespace parapet
