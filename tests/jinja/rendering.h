// Renders a template over JSON variables, as the tests of this folder need it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "jinja/template.h"

namespace parapet::jinja {

inline std::tm fixed_clock() {  // Friday, 2024-02-09 07:05:03: the clock of the golden script
  std::tm now{};
  now.tm_year = 124;
  now.tm_mon = 1;
  now.tm_mday = 9;
  now.tm_hour = 7;
  now.tm_min = 5;
  now.tm_sec = 3;
  now.tm_wday = 5;
  now.tm_yday = 39;
  return now;
}

inline Result<Dict> variables_of(JsonElement json) {
  Dict variables;
  const JsonObject::Fields fields = json.get_object().value();
  for (const auto field : fields) {
    auto value = value_from_json("variables", field.value);
    if (!value) return value.error();
    variables.set_text(OriginText(field.key, Origin::kTemplate), std::move(*value));
  }
  return variables;
}

inline Result<OriginText> render(std::string_view source, const Dict& variables,
                                 const Limits& limits = {}) {
  auto parsed = Template::parse("t", source);
  if (!parsed) return parsed.error();
  return parsed->render(variables, limits, fixed_clock);
}

inline Result<OriginText> render(std::string_view source, std::string_view json = "{}",
                                 const Limits& limits = {}) {
  auto document = JsonDocument::parse("variables", json);
  if (!document) return document.error();
  auto variables = variables_of(document->root());
  if (!variables) return variables.error();
  return render(source, *variables, limits);
}

}  // namespace parapet::jinja
