// GET /v1/models, and /v1/models/NAME
#include "server/openai/routes.h"
#include "server/service/answers.h"

namespace parapet::server {
namespace {

Json model_json(const Service& service, const std::string& name) {
  const auto created =
      std::chrono::duration_cast<std::chrono::seconds>(service.started.time_since_epoch());
  return {{"id", name},
          {"object", "model"},
          {"created", created.count()},
          {"owned_by", "parapet"},
          {"root", service.model_name()},
          {"parent", nullptr},
          {"max_model_len", service.info.max_model_len}};
}

}  // namespace

void answer_models(Service& service, const std::shared_ptr<Exchange>& exchange) {
  constexpr std::string_view kOne = "/v1/models/";
  const std::string& path = exchange->request().path;
  if (path.starts_with(kOne)) {
    const std::string name = path.substr(kOne.size());
    if (name.empty() || service.check_model(name)) {
      return answer_error(*exchange, *service.check_model(name.empty() ? "/" : name));
    }
    return answer_json(*exchange, model_json(service, name));
  }
  Json data = Json::array();
  for (const std::string& name : service.options.model_names) {
    data.push_back(model_json(service, name));
  }
  answer_json(*exchange, {{"object", "list"}, {"data", std::move(data)}});
}

}  // namespace parapet::server
