// Functions that every template can call.
#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "jinja/access.h"
#include "jinja/arguments.h"
#include "jinja/builtins.h"
#include "jinja/compare.h"
#include "jinja/number.h"
#include "jinja/objects.h"
#include "jinja/printing.h"

namespace parapet::jinja {
namespace {

// Entries of namespace(...) and dict(...): a mapping or pairs, then keywords.
Status collect_entries(Runtime& runtime, const Arguments& arguments, Dict& dict) {
  if (arguments.positional.size() > 1) return runtime.error("expected at most 1 argument");
  for (const Value& source : arguments.positional) {
    if (const Dict* other = source.as_dict()) {
      PARAPET_TRY(runtime.spend(other->entries.size() * sizeof(Dict::Entry)));
      dict = *other;
      continue;
    }
    PARAPET_ASSIGN(const std::vector<Value> pairs, iterate(runtime, source));
    for (const Value& pair : pairs) {
      PARAPET_ASSIGN(const std::vector<Value> items, iterate(runtime, pair));
      if (items.size() != 2) return runtime.error("a dict is made of pairs");
      PARAPET_ASSIGN(std::string key, hash_key(runtime, items[0]));
      dict.set(std::move(key), items[0], items[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    PARAPET_TRY(runtime.spend(sizeof(Dict::Entry) + name.size()));
    dict.set_text(name, value);
  }
  return {};
}

Result<Value> make_dict(Runtime& runtime, const Arguments& arguments) {
  Dict dict;
  PARAPET_TRY(collect_entries(runtime, arguments, dict));
  return Value::of(std::move(dict));
}

Result<Value> make_namespace(Runtime& runtime, const Arguments& arguments) {
  Dict dict;
  PARAPET_TRY(collect_entries(runtime, arguments, dict));
  auto made = std::make_shared<Namespace>();
  for (auto& [key, value] : dict.entries) {
    if (const Text* name = key.as_text()) made->set(name->text, value);
  }
  PARAPET_TRY(runtime.own(made));
  return Value::of(std::static_pointer_cast<Object>(std::move(made)));
}

Result<Value> make_range(Runtime& runtime, const Arguments& arguments) {
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, "range", arguments, {"", "", ""}, 1));
  PARAPET_ASSIGN(const std::int64_t first, bound.integer(0, 0));
  PARAPET_ASSIGN(const std::int64_t second, bound.integer(1, 0));
  PARAPET_ASSIGN(const std::int64_t step, bound.integer(2, 1));
  if (step == 0) return runtime.error("range(): step must not be zero");
  const std::int64_t start = bound.has(1) ? first : 0;
  const std::int64_t stop = bound.has(1) ? second : first;
  Origin origin = Origin::kTemplate;
  for (const Value& argument : arguments.positional) origin = mix(origin, argument.origin());
  Sequence sequence;
  sequence.kind = SequenceKind::kRange;
  sequence.range = {start, stop, step};
  std::int64_t at = start;
  while (step > 0 ? at < stop : at > stop) {
    if (static_cast<std::int64_t>(sequence.items.size()) == kMaxRange) {
      return runtime.error("range(): more than " + std::to_string(kMaxRange) + " elements");
    }
    sequence.items.push_back(Value::integer(at, origin));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  PARAPET_TRY(runtime.spend(sequence.items.size() * sizeof(Value)));
  return Value::of(std::move(sequence));
}

// cycler(a, b, ...): next() walks through the values again and again.
class Cycler : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  void release() override {}

  std::optional<Value> attribute(std::string_view name) const override {
    if (name == "current") return items_[at_];
    const auto self = std::const_pointer_cast<Cycler>(shared_from_this());
    if (name == "next") {
      return Function::make("next", [self](Runtime&, const Arguments&) -> Result<Value> {
        const Value value = self->items_[self->at_];
        self->at_ = (self->at_ + 1) % self->items_.size();
        return value;
      });
    }
    if (name == "reset") {
      return Function::make("reset", [self](Runtime&, const Arguments&) -> Result<Value> {
        self->at_ = 0;
        return Value::none();
      });
    }
    return std::nullopt;
  }

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

Result<Value> make_cycler(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return runtime.error("cycler() takes the values to cycle through");
  }
  return Value::of(std::make_shared<Cycler>(arguments.positional));
}

// joiner(sep): nothing the first time it is called, then the separator.
Result<Value> make_joiner(Runtime& runtime, const Arguments& arguments) {
  PARAPET_ASSIGN(const auto bound, BoundArguments::bind(runtime, "joiner", arguments, {"sep"}));
  const Value separator = bound.has(0) ? bound[0] : Value::text(", ", Origin::kTemplate);
  return Function::make(
      "joiner", [separator, used = false](Runtime&, const Arguments&) mutable -> Result<Value> {
        if (std::exchange(used, true)) return separator;
        return Value::text("", Origin::kTemplate);
      });
}

Result<Value> raise_exception(Runtime& runtime, const Arguments& arguments) {
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, "raise_exception", arguments, {"message"}, 1));
  PARAPET_ASSIGN(const OriginText message, to_text(runtime, bound[0]));
  return runtime.error(message.text());
}

Result<Value> strftime_now(Runtime& runtime, const Arguments& arguments) {
  PARAPET_ASSIGN(const auto bound,
                 BoundArguments::bind(runtime, "strftime_now", arguments, {"format"}, 1));
  PARAPET_ASSIGN(const OriginText format, bound.text(0, ""));
  constexpr std::size_t kMaxFormat = 1024;
  if (format.size() > kMaxFormat) return runtime.error("strftime_now(): the format is too long");
  const std::tm now = runtime.now();
  // A sentinel makes an empty result differ from one that does not fit.
  const std::string with_sentinel = format.text() + "x";
  std::string text(64 * (kMaxFormat + 1), '\0');
  const std::size_t length = std::strftime(text.data(), text.size(), with_sentinel.c_str(), &now);
  if (length == 0) return runtime.error("strftime_now(): the result is too long");
  text.resize(length - 1);
  return Value::text(
      text, mix(Origin::kTemplate,
                format.all_template(0, format.size()) ? Origin::kTemplate : Origin::kMessage));
}

// `self`: in a template without blocks there is nothing to be had from it.
class TemplateReference : public Object {
 public:
  std::string_view type_name() const override { return "TemplateReference"; }
  std::optional<std::string> printed() const override { return "<TemplateReference None>"; }
};

Result<Value> lipsum(Runtime& runtime, const Arguments&) {
  return runtime.error("lipsum() gives random text and is not supported");
}

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  if (name == "self") return Value::of(std::make_shared<TemplateReference>());
  using Native = Result<Value> (*)(Runtime&, const Arguments&);
  static constexpr std::pair<std::string_view, Native> kGlobals[] = {
      {"range", make_range},          {"dict", make_dict},     {"namespace", make_namespace},
      {"cycler", make_cycler},        {"joiner", make_joiner}, {"raise_exception", raise_exception},
      {"strftime_now", strftime_now}, {"lipsum", lipsum},
  };
  for (const auto& [known, function] : kGlobals) {
    if (known == name) return Function::make(std::string(name), function);
  }
  return std::nullopt;
}

}  // namespace parapet::jinja
