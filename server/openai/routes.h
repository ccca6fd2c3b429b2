// OpenAI's routes.
#pragma once

#include "server/http/router.h"
#include "server/service/service.h"

namespace parapet::server {

void answer_models(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_chat(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_completions(Service& service, const std::shared_ptr<Exchange>& exchange);
void answer_moderations(Service& service, const std::shared_ptr<Exchange>& exchange);

}  // namespace parapet::server
