// Every committed case renders exactly as Jinja2 renders it, or is refused as there:
// see tools/golden/jinja_golden.py.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include "base/file.h"
#include "rendering.h"
#include "support/paths.h"

namespace parapet::jinja {
namespace {

std::filesystem::path golden(const std::string& name) {
  return test::source_dir() / "tests/golden/jinja" / name;
}

JsonDocument read_json(const std::filesystem::path& file) {
  auto document = JsonDocument::read(file, 1U << 26);
  if (!document) throw std::runtime_error(document.error().message);
  return std::move(document).value();
}

// The checkpoint's own template, or one of the files beside the cases.
std::string chat_template(const std::string& name) {
  if (name != "qwen3") return read_file(golden(name), 1U << 20).value();
  const auto config = read_json(test::shared_data() / "qwen3-tokenizer/tokenizer_config.json");
  const std::string_view source = config.root()["chat_template"].get_string().value();
  return std::string(source);
}

// Empty where ours is as expected, else what differs.
std::string difference(JsonElement expected, const Result<OriginText>& rendered) {
  std::string_view output;
  const bool renders = expected["output"].get(output) == simdjson::SUCCESS;
  if (rendered.ok() && !renders) return "rendered '" + rendered->text() + "', expected a refusal";
  if (!rendered.ok() && renders) {
    return "refused: " + rendered.error().message + "\nexpected '" + std::string(output) + "'";
  }
  if (!renders || rendered->text() == output) return "";
  return "rendered '" + rendered->text() + "'\nexpected '" + std::string(output) + "'";
}

TEST(JinjaConformance, Language) {
  const auto golden_file = read_json(golden("language.json"));
  const JsonElement given_variables = golden_file.root()["variables"].value();
  const auto variables = variables_of(given_variables);
  ASSERT_TRUE(variables.ok()) << variables.error().message;
  int total = 0;
  int equal = 0;
  const JsonArray cases = golden_file.root()["cases"].get_array().value();
  for (const JsonElement element : cases) {
    const std::string_view source = element["template"].get_string().value();
    const std::string differs = difference(element, render(source, *variables));
    EXPECT_EQ(differs, "") << "template: " << source;
    ++total;
    equal += differs.empty() ? 1 : 0;
  }
  std::cout << "jinja conformance: " << equal << " of " << total << " language cases\n";
  EXPECT_GE(total, 800);
}

TEST(JinjaConformance, ChatTemplates) {
  PARAPET_NEEDS_SHARED_DATA();
  const auto golden_file = read_json(golden("chat.json"));
  std::map<std::string, std::string> sources;
  int total = 0;
  int equal = 0;
  const JsonArray cases = golden_file.root().get_array().value();
  for (const JsonElement element : cases) {
    const std::string_view spelled = element["template"].get_string().value();
    const std::string name(spelled);
    const auto [source, is_new] = sources.try_emplace(name);
    if (is_new) source->second = chat_template(name);
    const JsonElement given_variables = element["variables"].value();
    const auto variables = variables_of(given_variables);
    ASSERT_TRUE(variables.ok()) << variables.error().message;
    const std::string differs = difference(element, render(source->second, *variables));
    EXPECT_EQ(differs, "") << name << " over " << simdjson::minify(given_variables);
    ++total;
    equal += differs.empty() ? 1 : 0;
  }
  std::cout << "jinja conformance: " << equal << " of " << total << " conversations through "
            << sources.size() << " chat templates\n";
  EXPECT_GE(sources.size(), 12U);
}

}  // namespace
}  // namespace parapet::jinja
