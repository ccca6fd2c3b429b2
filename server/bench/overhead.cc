#include "server/bench/overhead.h"

#include <iterator>
#include <string>

#include "server/bench/statistics.h"

namespace parapet::server {
namespace {

template <class Call>
double milliseconds_of(const Call& call) {
  const auto begin = LoadClient::Clock::now();
  call();
  return std::chrono::duration<double, std::milli>(LoadClient::Clock::now() - begin).count();
}

}  // namespace

// The same text both ways. It was judged just before: neither computes what the other finds in the
// cache.
void OverheadMeter::measure(Guard& guard, LoadClient& client, RequestMix& mix,
                            std::int64_t num_pairs) {
  for (std::int64_t pair = 0; pair < num_pairs; ++pair) {
    const std::string text = mix.text();
    const auto message = mix.make(RequestKind::kVerdicts, text, {});
    const std::vector<Conversation> conversation = {{{"user", text}}};
    (void)guard.judge(conversation);
    double http = 0;
    double in_process = 0;
    for (const bool over_http : {pair % 2 == 0, pair % 2 != 0}) {
      if (over_http) {
        http = milliseconds_of([&] { client.ask(message); });
      } else {
        in_process = milliseconds_of([&] { (void)guard.judge(conversation); });
      }
    }
    http_.push_back(http);
    in_process_.push_back(in_process);
    difference_.push_back(http - in_process);
  }
}

std::optional<OverheadBench> OverheadMeter::result() const {
  if (http_.empty()) return std::nullopt;
  return OverheadBench{std::ssize(http_), percentiles(http_), percentiles(in_process_),
                       percentiles(difference_)};
}

}  // namespace parapet::server
