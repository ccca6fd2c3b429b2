// A hostile template over a hostile request: "TEMPLATE\0VARIABLES". Neither may crash the engine,
// hang it, or leave text that is not UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "jinja/template.h"
#include "jinja/unicode.h"

namespace {

using parapet::jinja::Dict;

constexpr parapet::jinja::Limits kLimits{
    .max_steps = 20'000, .max_bytes = 1U << 22, .max_output = 1U << 16, .max_depth = 200};

Dict variables_of(std::string_view json) {
  Dict variables;
  const auto document = parapet::JsonDocument::parse("variables", json);
  if (!document) return variables;
  const auto object = document->object();
  if (!object) return variables;
  for (const auto field : object->fields()) {
    auto value = parapet::jinja::value_from_json("variables", field.value);
    if (value.ok()) {
      variables.set_text({field.key, parapet::Origin::kMessage}, std::move(*value));
    }
  }
  return variables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  const auto parsed = parapet::jinja::Template::parse("fuzz", input.substr(0, split));
  if (!parsed) return 0;
  const std::string_view json =
      split == std::string_view::npos ? std::string_view() : input.substr(split + 1);
  const auto rendered = parsed->render(variables_of(json), kLimits);
  if (rendered.ok() &&
      parapet::jinja::find_invalid_utf8(rendered->text()) != std::string_view::npos) {
    std::abort();
  }
  return 0;
}
