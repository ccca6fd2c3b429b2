#include "text/chat_template.h"

#include <optional>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "jinja/template.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxConfigBytes = std::size_t{64} << 20;  // it lists all added tokens
constexpr const char* kTemplateFile = "chat_template.jinja";
constexpr const char* kConfigFile = "tokenizer_config.json";

constexpr std::string_view kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};

OriginText template_text(std::string_view text) { return {text, Origin::kTemplate}; }

// A special token is a string, or an object whose "content" is one.
Result<std::optional<std::string_view>> token_text(const JsonObject& config, std::string_view key) {
  const auto element = config.find(key);
  if (!element) return std::optional<std::string_view>();
  if (element->is_object()) {
    PARAPET_ASSIGN(const JsonObject token, config.object(key));
    PARAPET_ASSIGN(const std::string_view content, token.string("content"));
    return std::optional(content);
  }
  PARAPET_ASSIGN(const std::string_view text, config.string(key));
  return std::optional(text);
}

Result<jinja::Dict> special_tokens(const JsonObject& config) {
  jinja::Dict tokens;
  for (const std::string_view key : kSpecialTokens) {
    PARAPET_ASSIGN(const auto text, token_text(config, key));
    if (text) tokens.set_text(template_text(key), jinja::Value::text(*text, Origin::kTemplate));
  }
  return tokens;
}

// The template named "default" of a list of {"name", "template"}.
Result<std::string> default_template(const JsonObject& config) {
  PARAPET_ASSIGN(const JsonArray templates, config.array("chat_template"));
  for (const JsonElement element : templates) {
    PARAPET_ASSIGN(const JsonObject entry,
                   JsonObject::open(config.where() + ": chat_template", element));
    PARAPET_ASSIGN(const std::string_view name, entry.string("name"));
    if (name != "default") continue;
    PARAPET_ASSIGN(const std::string_view source, entry.string("template"));
    return std::string(source);
  }
  return config.error(ErrorCode::kNotFound, "chat_template", "no template is named \"default\"");
}

Result<std::string> template_of_config(const JsonObject& config) {
  const auto element = config.find("chat_template");
  if (!element) {
    return config.error(ErrorCode::kNotFound, "chat_template",
                        std::string("missing, and there is no ") + kTemplateFile +
                            " beside it: the checkpoint has no chat template");
  }
  if (element->is_array()) return default_template(config);
  PARAPET_ASSIGN(const std::string_view source, config.string("chat_template"));
  return std::string(source);
}

bool is_there(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

}  // namespace

struct ChatTemplate::Impl {
  jinja::Template parsed;
  jinja::Dict special_tokens;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string name, std::string_view source) {
  PARAPET_ASSIGN(jinja::Template parsed, jinja::Template::parse(std::move(name), source));
  return ChatTemplate(std::make_unique<const Impl>(Impl{std::move(parsed), {}}));
}

Result<ChatTemplate> ChatTemplate::load(const std::filesystem::path& directory) {
  const std::filesystem::path template_file = directory / kTemplateFile;
  const std::filesystem::path config_file = directory / kConfigFile;
  const bool has_template = is_there(template_file);
  std::string name = template_file.string();
  std::string source;
  if (has_template) {
    PARAPET_ASSIGN(source, read_file(template_file, kMaxTemplateBytes));
  }
  jinja::Dict tokens;
  if (!has_template || is_there(config_file)) {
    PARAPET_ASSIGN(const JsonDocument document, JsonDocument::read(config_file, kMaxConfigBytes));
    PARAPET_ASSIGN(const JsonObject config, document.object());
    PARAPET_ASSIGN(tokens, special_tokens(config));
    if (!has_template) {
      PARAPET_ASSIGN(source, template_of_config(config));
      name = config_file.string() + ": chat_template";
    }
  }
  PARAPET_ASSIGN(jinja::Template parsed, jinja::Template::parse(std::move(name), source));
  return ChatTemplate(std::make_unique<const Impl>(Impl{std::move(parsed), std::move(tokens)}));
}

Result<OriginText> ChatTemplate::render(std::string_view request_json,
                                        bool add_generation_prompt) const {
  PARAPET_ASSIGN(const JsonDocument document, JsonDocument::parse("request", request_json));
  PARAPET_ASSIGN(const JsonObject request, document.object());
  PARAPET_ASSIGN([[maybe_unused]] const JsonArray messages, request.array("messages"));
  jinja::Dict variables = impl_->special_tokens;
  // transformers always passes these two, None where the caller has none.
  variables.set_text(template_text("tools"), jinja::Value::none());
  variables.set_text(template_text("documents"), jinja::Value::none());
  variables.set_text(template_text("add_generation_prompt"),
                     jinja::Value::boolean(add_generation_prompt));
  for (const auto& field : request.fields()) {
    PARAPET_ASSIGN(jinja::Value value, jinja::value_from_json("request", field.value));
    variables.set_text(OriginText(field.key, Origin::kMessage), std::move(value));
  }
  return impl_->parsed.render(variables);
}

}  // namespace parapet
