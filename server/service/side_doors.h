// The routes beside the APIs: is it alive, how busy is it, what can it do.
#pragma once

#include "server/http/exchange.h"
#include "server/service/service.h"

namespace parapet::server {

void answer_health(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_version(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_load(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_metrics(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_stats(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_openapi(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_audit(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_tokenize(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_tokenizer_info(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_detokenize(Service& service, const std::shared_ptr<Exchange>& exchange);

// The text of openapi.json.
extern const std::string_view kOpenApiJson;

}  // namespace parapet::server
