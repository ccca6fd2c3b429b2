#include "server/bench/server_work.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "server/bench/statistics.h"

namespace parapet::server {
namespace {

using Clock = LoadClient::Clock;

// The sum of a metric's samples; empty where there is none of that name.
std::optional<double> metric(std::string_view text, std::string_view name) {
  std::optional<double> sum;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name)) continue;
    const std::string_view rest = line.substr(name.size());
    if (!rest.starts_with('{') && !rest.starts_with(' ')) continue;
    double value = 0;
    const std::string_view number = line.substr(line.rfind(' ') + 1);
    std::from_chars(number.data(), number.data() + number.size(), value);
    sum = sum.value_or(0) + value;
  }
  return sum;
}

}  // namespace

WorkMeter::WorkMeter(LoadClient& client, const RequestMix& mix)
    : client_(client), mix_(mix), before_(scrape()), begin_(Clock::now()) {}

std::string WorkMeter::scrape() const { return client_.ask(mix_.get("/metrics")).body; }

std::optional<ServerWork> WorkMeter::end(std::int64_t num_sent) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  const std::string after = scrape();
  const auto grown = [&](const char* name) -> std::optional<double> {
    const auto from = metric(before_, name);
    const auto to = metric(after, name);
    if (!from || !to) return std::nullopt;
    return *to - *from;
  };
  const auto http = grown("parapet:http_cpu_seconds_total");
  const auto engine = grown("parapet:engine_step_seconds_total");
  if (!http || !engine || num_sent == 0) return std::nullopt;
  return ServerWork{1e6 * *http / static_cast<double>(num_sent), *engine / seconds};
}

void WorkRounds::add(const std::optional<ServerWork>& work) {
  if (!work) return;
  http_us_.push_back(work->http_us);
  engine_share_.push_back(work->engine_share);
}

std::optional<ServerWork> WorkRounds::median() const {
  if (http_us_.empty()) return std::nullopt;
  return ServerWork{server::median(http_us_), server::median(engine_share_)};
}

}  // namespace parapet::server
