// json.dumps as Hugging Face's tojson calls it: the structure is the template's, strings and
// numbers keep their origin.
#pragma once

#include <optional>

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<OriginText> indent;
  std::optional<OriginText> item_separator;  // else ", ", or "," with indent
  std::optional<OriginText> key_separator;   // else ": "

  // From the arguments of the filter: None leaves the default.
  Status set_indent(Runtime& runtime, const Value& value);
  Status set_separators(Runtime& runtime, const Value& value);
};

Result<OriginText> dump_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace parapet::jinja
