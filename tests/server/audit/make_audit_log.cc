// make_audit_log FILE: records one entry for each line of standard input, a JSON object with any of
// the keys of an export. For tests of what reads audit logs.
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "server/audit/audit_log.h"
#include "server/audit/audit_time.h"

namespace parapet::server {
namespace {

using nlohmann::json;

std::optional<std::string> text_of(const json& object, const char* key) {
  return object.contains(key) ? std::optional(object[key].get<std::string>()) : std::nullopt;
}

AuditEntry entry_of(const json& object) {
  AuditEntry entry;
  entry.time_ms = parse_time("time", object.value("time", "0s"), unix_now_ms()).value();
  entry.request_id = object.value("request_id", "verd-0");
  entry.model = object.value("model", "guard");
  entry.policy_hash = object.value("policy_hash", "5f3a");
  entry.is_response = object.value("kind", "prompt") == "response";
  entry.text_hash = text_of(object, "text_hash");
  entry.text = text_of(object, "text");
  entry.label = object.value("label", "Safe");
  entry.categories = object.value("categories", std::vector<std::string>());
  if (object.contains("refusal")) entry.refusal = object["refusal"] == "Yes";
  if (object.contains("probabilities")) {
    const auto p = object["probabilities"].get<std::vector<double>>();
    entry.probabilities = {p.at(0), p.at(1), p.at(2), p.at(3)};
  }
  entry.error = text_of(object, "error");
  entry.latency_ms = object.value("latency_ms", 1.5);
  return entry;
}

int make(const char* file) {
  AuditOptions options;
  options.file = file;
  const auto log = AuditLog::open(options);
  if (!log) {
    std::cerr << log.error().message << '\n';
    return 1;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    std::promise<Status> answer;
    (*log)->record(entry_of(json::parse(line)),
                   [&](const Status& status) { answer.set_value(status); });
    if (!answer.get_future().get()) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace parapet::server

int main(int argc, char** argv) { return argc == 2 ? parapet::server::make(argv[1]) : 2; }
