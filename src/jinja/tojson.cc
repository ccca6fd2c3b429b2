#include "jinja/tojson.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/access.h"
#include "jinja/compare.h"
#include "jinja/number.h"
#include "jinja/sorting.h"
#include "jinja/text_ops.h"

namespace parapet::jinja {
namespace {

constexpr Origin kStructure = Origin::kTemplate;

void append_unicode_escape(std::string& out, char32_t unit) {
  char escaped[16];
  std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(unit));
  out += escaped;
}

void append_escaped(std::string& out, char32_t c, bool ensure_ascii) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default: break;
  }
  if (c < 0x20 || (ensure_ascii && c > 0x7e && c < 0x10000)) return append_unicode_escape(out, c);
  if (ensure_ascii && c >= 0x10000) {
    append_unicode_escape(out, 0xd800 + ((c - 0x10000) >> 10));
    return append_unicode_escape(out, 0xdc00 + ((c - 0x10000) & 0x3ffU));
  }
  append_utf8(c, out);
}

class Dumper {
 public:
  Dumper(Runtime& runtime, const JsonStyle& style, OriginText& out)
      : runtime_(runtime), style_(style), out_(out) {
    item_separator_ =
        style.item_separator.value_or(OriginText(style.indent ? "," : ", ", kStructure));
    key_separator_ = style.key_separator.value_or(OriginText(": ", kStructure));
  }

  Status value(const Value& value, std::size_t level) {
    const Runtime::Depth depth(runtime_);
    PARAPET_TRY(depth.check());
    PARAPET_TRY(runtime_.step());
    if (const Text* text = value.as_text()) return string(text->text);
    if (const Dict* dict = value.as_dict()) return object(*dict, level);
    const Sequence* sequence = value.as_sequence();
    if (sequence && (sequence->is_list() || sequence->is_tuple())) {
      return array(sequence->items, level);
    }
    if (const auto text = scalar(value)) return append({*text, value.origin()});
    return runtime_.error("tojson: a value of type '" + std::string(value.type_name()) +
                          "' is not JSON serializable");
  }

 private:
  Status append(const OriginText& text) {
    PARAPET_TRY(runtime_.spend(text.size()));
    out_.append(text);
    return {};
  }
  Status structure(std::string_view text) { return append({text, kStructure}); }

  static std::optional<std::string> scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is_bool()) return value.as_bool() ? "true" : "false";
    if (value.is_int()) return std::to_string(value.to_int());
    if (!value.is_float()) return std::nullopt;
    const double real = value.to_double();
    if (std::isnan(real)) return "NaN";
    if (std::isinf(real)) return real < 0 ? "-Infinity" : "Infinity";
    return float_repr(real);
  }

  Status string(const OriginText& text) {
    PARAPET_TRY(runtime_.spend(2 * text.size()));
    PARAPET_TRY(structure("\""));
    PARAPET_TRY(append(map_code_points(text, [&](std::string& out, char32_t c, std::size_t) {
      append_escaped(out, c, style_.ensure_ascii);
    })));
    return structure("\"");
  }

  Status key(const Value& key) {
    if (const Text* text = key.as_text()) return string(text->text);
    const auto text = scalar(key);
    if (!text) {
      return runtime_.error("tojson: keys must be strings, numbers, booleans or None, not '" +
                            std::string(key.type_name()) + "'");
    }
    return string({*text, key.origin()});
  }

  Status new_line(std::size_t level) {
    if (!style_.indent) return {};
    PARAPET_TRY(structure("\n"));
    for (std::size_t i = 0; i < level; ++i) PARAPET_TRY(append(*style_.indent));
    return {};
  }

  Status array(const std::vector<Value>& items, std::size_t level) {
    if (items.empty()) return structure("[]");
    PARAPET_TRY(structure("["));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) PARAPET_TRY(append(item_separator_));
      PARAPET_TRY(new_line(level + 1));
      PARAPET_TRY(value(items[i], level + 1));
    }
    PARAPET_TRY(new_line(level));
    return structure("]");
  }

  Status object(const Dict& dict, std::size_t level) {
    if (dict.entries.empty()) return structure("{}");
    std::vector<Dict::Entry> entries = dict.entries;
    PARAPET_TRY(runtime_.spend(entries.size() * sizeof(Dict::Entry)));
    if (style_.sort_keys) {
      PARAPET_TRY(sort_by(runtime_, entries, [](const Dict::Entry& e) { return e.key; }));
    }
    PARAPET_TRY(structure("{"));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) PARAPET_TRY(append(item_separator_));
      PARAPET_TRY(new_line(level + 1));
      PARAPET_TRY(key(entries[i].key));
      PARAPET_TRY(append(key_separator_));
      PARAPET_TRY(value(entries[i].value, level + 1));
    }
    PARAPET_TRY(new_line(level));
    return structure("}");
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  OriginText& out_;
  OriginText item_separator_;
  OriginText key_separator_;
};

}  // namespace

Status JsonStyle::set_indent(Runtime& runtime, const Value& value) {
  if (value.is_none()) return {};
  if (const Text* text = value.as_text()) {
    indent = text->text;
    return {};
  }
  if (!value.is_integral()) return runtime.error("tojson: indent must be an integer or a string");
  const auto width = static_cast<std::size_t>(std::max<std::int64_t>(value.to_int(), 0));
  PARAPET_TRY(runtime.spend(width));
  indent = OriginText(std::string(width, ' '), kStructure);
  return {};
}

Status JsonStyle::set_separators(Runtime& runtime, const Value& value) {
  if (value.is_none()) return {};
  PARAPET_ASSIGN(const std::vector<Value> pair, iterate(runtime, value));
  if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text()) {
    return runtime.error("tojson: separators must be a pair of strings");
  }
  item_separator = pair[0].as_text()->text;
  key_separator = pair[1].as_text()->text;
  return {};
}

Result<OriginText> dump_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  OriginText out;
  PARAPET_TRY(Dumper(runtime, style, out).value(value, 0));
  return out;
}

}  // namespace parapet::jinja
