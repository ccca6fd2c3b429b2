#include "jinja/arguments.h"

#include <algorithm>

#include "jinja/compare.h"

namespace parapet::jinja {

Result<BoundArguments> BoundArguments::bind(Runtime& runtime, std::string_view function,
                                            const Arguments& arguments,
                                            std::span<const std::string_view> parameters,
                                            std::size_t required) {
  BoundArguments bound(runtime, function);
  bound.parameters_.assign(parameters.begin(), parameters.end());
  bound.values_.resize(parameters.size());
  const auto problem = [&](const std::string& what) {
    return runtime.error(std::string(function) + "(): " + what);
  };
  if (arguments.positional.size() > parameters.size()) {
    return problem("takes at most " + std::to_string(parameters.size()) + " arguments, got " +
                   std::to_string(arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    bound.values_[i] = arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(bound.parameters_.begin(), bound.parameters_.end(),
                                 std::string_view(name.text()));
    if (found == bound.parameters_.end() || found->empty() || *found == "-") {
      return problem("unexpected keyword argument '" + name.text() + "'");
    }
    auto& slot = bound.values_[static_cast<std::size_t>(found - bound.parameters_.begin())];
    if (slot) return problem("argument '" + name.text() + "' is given twice");
    slot = value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!bound.values_[i]) {
      return problem("argument '" + std::string(bound.parameters_[i]) + "' is missing");
    }
  }
  return bound;
}

Result<std::int64_t> BoundArguments::integer(std::size_t i, std::int64_t fallback) const {
  if (!values_[i]) return fallback;
  if (values_[i]->is_integral()) return values_[i]->to_int();
  return wrong_type(i, "an integer");
}

Result<OriginText> BoundArguments::text(std::size_t i, std::string_view fallback) const {
  if (!values_[i]) return OriginText(fallback, Origin::kTemplate);
  if (const Text* text = values_[i]->as_text()) return text->text;
  return wrong_type(i, "a string");
}

bool BoundArguments::truth(std::size_t i, bool fallback) const {
  return values_[i] ? is_true(*values_[i]) : fallback;
}

Error BoundArguments::wrong_type(std::size_t i, std::string_view expected) const {
  return runtime_->error(function_ + "(): argument '" + std::string(parameters_[i]) + "' must be " +
                         std::string(expected) + ", not '" + std::string(values_[i]->type_name()) +
                         "'");
}

}  // namespace parapet::jinja
