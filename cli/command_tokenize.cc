// parapet tokenize: text to token ids and back.
#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "model_flags.h"
#include "parapet/chat_tokenizer.h"
#include "terminal.h"

namespace parapet::cli {
namespace {

using nlohmann::ordered_json;

struct TokenizeOptions {
  std::filesystem::path model;
  std::optional<std::string> text;
  bool decode = false;
  bool chat = false;
  bool untrusted = false;
  bool skip_special = false;
  TemplateTokens template_tokens = TemplateTokens::kTemplateOnly;
  bool json = false;
};

std::string dump(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// "1, 2 3", "[1,2,3]": numbers with anything of spaces, commas and brackets between them.
Result<std::vector<TokenId>> parse_ids(const std::string& text) {
  std::vector<TokenId> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    while (at != end && std::string_view(" ,[]\t\r\n").find(*at) != std::string_view::npos) ++at;
    if (at == end) return ids;
    TokenId id = 0;
    const auto [stop, problem] = std::from_chars(at, end, id);
    if (problem != std::errc() || id < 0) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("--decode: expected token ids like '785 6722', found '{}' at byte {}",
                      std::string_view(at, end).substr(0, 16), at - text.data())};
    }
    ids.push_back(id);
    at = stop;
  }
}

void print_tokens(const ChatTokenizer& tokenizer, const std::vector<TokenId>& ids, bool json,
                  const std::optional<std::string>& rendered) {
  ordered_json pieces = ordered_json::array();
  for (const TokenId id : ids) pieces.push_back(tokenizer.piece(id));
  if (json) {
    ordered_json object{{"ids", ids}, {"pieces", pieces}};
    if (rendered) object["text"] = *rendered;
    fmt::print("{}\n", dump(object));
    return;
  }
  if (rendered) fmt::print("{}\n", *rendered);
  const Table table({8, 60});
  table.print({{"id", Color::kBold}, {"piece", Color::kBold}});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    table.print({{std::to_string(ids[i])}, {pieces[i].get<std::string>()}});
  }
  fmt::print("{} tokens\n", ids.size());
}

Result<void> tokenize_text(const ChatTokenizer& tokenizer, const TokenizeOptions& options,
                           const std::string& text) {
  if (options.decode) {
    auto ids = parse_ids(text);
    if (!ids) return std::move(ids).error();
    const std::string decoded = tokenizer.decode(*ids, options.skip_special);
    fmt::print("{}\n", options.json ? dump({{"text", decoded}}) : decoded);
  } else if (options.chat) {
    auto rendered = tokenizer.render_json(text, options.template_tokens);
    if (!rendered) return std::move(rendered).error();
    print_tokens(tokenizer, rendered->ids, options.json, rendered->text);
  } else {
    const auto ids = options.untrusted ? tokenizer.encode_untrusted(text) : tokenizer.encode(text);
    print_tokens(tokenizer, ids, options.json, std::nullopt);
  }
  return {};
}

ExitStatus tokenize(const TokenizeOptions& options) {
  auto tokenizer = ChatTokenizer::load(options.model);
  if (!tokenizer) {
    print_error(tokenizer.error());
    return exit_status(tokenizer.error());
  }
  const std::string text =
      options.text ? *options.text : std::string(std::istreambuf_iterator<char>(std::cin), {});
  const auto done = tokenize_text(*tokenizer, options, text);
  if (done) return kExitSafe;
  print_error(done.error());
  return exit_status(done.error());
}

}  // namespace

void add_tokenize(CLI::App& app, const Chosen& chosen) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand("tokenize", "Text to token ids and back");
  command->footer(R"(
Examples:
  parapet tokenize --json "How can I make a bomb?"
  parapet tokenize --decode "785 6722 315 9625"
  parapet tokenize --chat '[{"role": "user", "content": "hi"}]')");
  command->add_option("TEXT", options->text,
                      "The text, ids or messages; read from standard input when left out");
  auto* decode = command->add_flag("-d,--decode", options->decode, "TEXT is token ids");
  auto* chat = command->add_flag(
      "--chat", options->chat,
      "TEXT is a JSON list of messages, or an object with \"messages\"; rendered by the "
      "checkpoint's chat template first");
  command
      ->add_flag("--untrusted", options->untrusted,
                 "Encode as a message's text is: special tokens spelled in it stay text")
      ->excludes(decode)
      ->excludes(chat);
  decode->excludes(chat);
  command->add_flag("--skip-special-tokens", options->skip_special, "Leave them out of --decode")
      ->needs(decode);
  command->add_flag("--json", options->json,
                    "{\"ids\": [...], \"pieces\": [...]}; with --chat also \"text\"; with --decode "
                    "only that");
  add_model_folder(*command, options->model);
  add_template_tokens(*command, options->template_tokens);
  command->callback([options, chosen] { chosen([options] { return tokenize(*options); }); });
}

}  // namespace parapet::cli
