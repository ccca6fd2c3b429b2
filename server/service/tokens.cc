// POST /tokenize and /detokenize, as vLLM has them.
#include <utility>

#include "server/json/fields.h"
#include "server/openai/messages.h"
#include "server/service/answers.h"
#include "server/service/side_doors.h"

namespace parapet::server {
namespace {

struct TokenizeRequest {
  std::string model;
  std::string prompt;
  Conversation messages;  // instead of the prompt
  bool add_generation_prompt = true;
  bool return_token_strs = false;
};

// The ids of a prompt, or of messages through the template.
Result<std::vector<TokenId>> ids_of(const Service& service, const TokenizeRequest& request) {
  if (request.messages.empty()) return service.llm.tokenizer().encode(request.prompt);
  Json variables = service.chat_template_kwargs;
  variables["messages"] = messages_json(request.messages);
  auto rendered = service.llm.tokenizer().render_json(
      to_text(variables), service.options.template_tokens, request.add_generation_prompt);
  if (!rendered) return rendered.error();
  return std::move(rendered->ids);
}

}  // namespace

void answer_tokenize(Service& service, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_json(exchange->request().body);
  if (!body) return answer_error(*exchange, api_error(body.error()));
  TokenizeRequest request;
  Fields fields(*body);
  fields.read("model", request.model);
  if (const auto error = service.check_model(request.model)) return answer_error(*exchange, *error);
  fields.read("prompt", request.prompt);
  if (fields.find("messages") != nullptr) {
    request.messages = read_messages(fields, "messages", service.options.max_messages);
  }
  fields.read("add_generation_prompt", request.add_generation_prompt);
  fields.read("return_token_strs", request.return_token_strs);
  if (fields.find("prompt") == nullptr && fields.find("messages") == nullptr) {
    fields.fail("prompt", "give prompt (a string) or messages (a list)");
  }
  if (fields.error()) return answer_error(*exchange, *fields.error());
  const auto ids = ids_of(service, request);
  if (!ids) return answer_error(*exchange, api_error(ids.error()));
  Json json = {{"count", ids->size()},
               {"max_model_len", service.info.max_model_len},
               {"tokens", *ids},
               {"token_strs", nullptr}};
  if (request.return_token_strs) {
    json["token_strs"] = Json::array();
    for (const TokenId id : *ids) json["token_strs"].push_back(service.llm.tokenizer().piece(id));
  }
  answer_json(*exchange, json);
}

// As far as clients need it who tokenize by /tokenize.
void answer_tokenizer_info(Service& service, const std::shared_ptr<Exchange>& exchange) {
  answer_json(*exchange, {{"tokenizer_class", "ChatTokenizer"},
                          {"vocab_size", service.llm.tokenizer().vocab_size()},
                          {"model_max_length", service.info.max_model_len},
                          {"bos_token", nullptr},
                          {"eos_token", nullptr}});
}

void answer_detokenize(Service& service, const std::shared_ptr<Exchange>& exchange) {
  const auto body = parse_json(exchange->request().body);
  if (!body) return answer_error(*exchange, api_error(body.error()));
  Fields fields(*body);
  std::string model;
  std::vector<TokenId> tokens;
  fields.read("model", model);
  if (const auto error = service.check_model(model)) return answer_error(*exchange, *error);
  fields.read("tokens", tokens);
  if (fields.find("tokens") == nullptr) fields.fail("tokens", "tokens must be a list of token ids");
  for (const TokenId id : tokens) {
    if (id >= service.llm.tokenizer().vocab_size()) {
      fields.fail("tokens", "tokens has an id that the tokenizer does not have");
    }
  }
  if (fields.error()) return answer_error(*exchange, *fields.error());
  answer_json(*exchange, {{"prompt", service.llm.tokenizer().decode(tokens)}});
}

}  // namespace parapet::server
