#include "jinja/printing.h"

#include "base/check.h"
#include "base/utf8.h"
#include "jinja/number.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace parapet::jinja {
namespace {

constexpr Origin kStructure = Origin::kTemplate;

void append_hex(std::string& out, char32_t c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto [letter, width] = c < 0x100     ? std::pair('x', 2)
                               : c < 0x10000 ? std::pair('u', 4)
                                             : std::pair('U', 8);
  out += '\\';
  out += letter;
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out += kDigits[(c >> shift) & 15U];
}

OriginText text_repr(const OriginText& text) {
  const bool has_single = text.text().find('\'') != std::string::npos;
  const bool has_double = text.text().find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  OriginText repr({&quote, 1}, kStructure);
  repr.append(map_code_points(text, [quote](std::string& out, char32_t c, std::size_t) {
    switch (c) {
      case '\n': out += "\\n"; return;
      case '\r': out += "\\r"; return;
      case '\t': out += "\\t"; return;
      default: break;
    }
    if (c == static_cast<unsigned char>(quote) || c == '\\') out += '\\';
    if (is_printable(c)) {
      append_utf8(c, out);
    } else {
      append_hex(out, c);
    }
  }));
  repr.append({&quote, 1}, kStructure);
  return repr;
}

class Printer {
 public:
  Printer(Runtime& runtime, OriginText& out) : runtime_(runtime), out_(out) {}

  Status repr(const Value& value) {
    const Runtime::Depth depth(runtime_);
    PARAPET_TRY(depth.check());
    PARAPET_TRY(runtime_.step());
    if (const Text* text = value.as_text()) return text_value(*text);
    if (const Sequence* sequence = value.as_sequence()) return sequence_value(*sequence);
    if (const Dict* dict = value.as_dict()) return dict_value(*dict);
    if (const Object* object = value.as_object()) return object_value(*object);
    return scalar(value);
  }

 private:
  void structure(std::string_view text) { out_.append(text, kStructure); }

  Status text_value(const Text& text) {
    PARAPET_TRY(runtime_.spend(text.text.size() + 2));
    if (text.markup) structure("Markup(");
    out_.append(text_repr(text.text));
    if (text.markup) structure(")");
    return {};
  }

  Status sequence_value(const Sequence& sequence) {
    switch (sequence.kind) {
      case SequenceKind::kList: return items(sequence.items, "[", "]");
      case SequenceKind::kTuple:
        return items(sequence.items, "(", sequence.items.size() == 1 ? ",)" : ")");
      case SequenceKind::kKeys: return items(sequence.items, "dict_keys([", "])");
      case SequenceKind::kValues: return items(sequence.items, "dict_values([", "])");
      case SequenceKind::kItems: return items(sequence.items, "dict_items([", "])");
      case SequenceKind::kRange: return range(sequence);
      case SequenceKind::kGenerator: break;
    }
    return runtime_.error("a generator cannot be printed; make it a list first, with |list");
  }

  Status range(const Sequence& sequence) {
    std::string text =
        "range(" + std::to_string(sequence.range[0]) + ", " + std::to_string(sequence.range[1]);
    if (sequence.range[2] != 1) text += ", " + std::to_string(sequence.range[2]);
    out_.append(text + ")", Origin::kMessage);
    return {};
  }

  Status items(const std::vector<Value>& values, std::string_view open, std::string_view close) {
    structure(open);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) structure(", ");
      PARAPET_TRY(repr(values[i]));
    }
    structure(close);
    return {};
  }

  Status dict_value(const Dict& dict) {
    structure("{");
    bool first = true;
    for (const auto& [key, value] : dict.entries) {
      if (!first) structure(", ");
      first = false;
      PARAPET_TRY(repr(key));
      structure(": ");
      PARAPET_TRY(repr(value));
    }
    structure("}");
    return {};
  }

  Status object_value(const Object& object) {
    const auto printed = object.printed();
    if (!printed) {
      return runtime_.error("a " + std::string(object.type_name()) + " cannot be printed");
    }
    out_.append(*printed, Origin::kMessage);
    return {};
  }

  Status scalar(const Value& value) {
    out_.append(scalar_text(value), value.origin());
    return runtime_.spend(sizeof(Value));
  }

  static std::string scalar_text(const Value& value) {
    if (value.is_none()) return "None";
    if (value.is_bool()) return value.as_bool() ? "True" : "False";
    if (value.is_int()) return std::to_string(value.to_int());
    if (value.is_float()) return float_repr(value.to_double());
    return "Undefined";
  }

  Runtime& runtime_;
  OriginText& out_;
};

}  // namespace

Result<OriginText> to_text(Runtime& runtime, const Value& value) {
  if (const Text* text = value.as_text()) return text->text;
  if (value.is_undefined()) return OriginText();
  return to_repr(runtime, value);
}

Result<OriginText> to_repr(Runtime& runtime, const Value& value) {
  OriginText out;
  PARAPET_TRY(Printer(runtime, out).repr(value));
  return out;
}

std::string object_description(const Value& value) {
  if (value.is_none()) return "None";
  return std::string(value.type_name()) + " object";
}

}  // namespace parapet::jinja
