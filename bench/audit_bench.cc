// What the audit log takes: of one verdict that waits for it, and of many.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <latch>
#include <string>

#include "server/audit/audit_log.h"
#include "server/audit/audit_time.h"
#include "server/digest/sha256.h"

namespace parapet::server {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "audit-bench-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  AuditOptions options(benchmark::State& state) const {
    AuditOptions options;
    options.file = path_ / "audit.db";
    options.durability = state.range(0) == 0 ? Durability::kProcess : Durability::kPower;
    return options;
  }

 private:
  std::filesystem::path path_;
};

AuditEntry entry(std::int64_t number) {
  AuditEntry entry;
  entry.time_ms = unix_now_ms();
  entry.request_id = "verd-0123456789abcdef" + std::to_string(number) + "-0";
  entry.model = "Qwen3Guard-Gen-4B";
  entry.policy_hash = std::string(64, '5');
  entry.text_hash = to_hex(sha256(entry.request_id));
  entry.label = number % 8 == 0 ? "Unsafe" : "Safe";
  if (number % 8 == 0) entry.categories = {"Violent"};
  entry.probabilities = {0.1, 0.2, 0.7, 0.99};
  entry.latency_ms = 12.5;
  return entry;
}

// From record() to the answer, one after the other. Argument: 0 process, 1 power.
void BM_OneEntry(benchmark::State& state) {
  const Folder folder;
  const auto log = std::move(*AuditLog::open(folder.options(state)));
  std::int64_t number = 0;
  for (auto _ : state) {
    std::promise<Status> answer;
    log->record(entry(number++), [&](const Status& status) { answer.set_value(status); });
    if (!answer.get_future().get()) state.SkipWithError("not recorded");
  }
}
BENCHMARK(BM_OneEntry)->Arg(0)->Arg(1)->UseRealTime();

// A thousand that come together.
void BM_ThousandEntries(benchmark::State& state) {
  const Folder folder;
  const auto log = std::move(*AuditLog::open(folder.options(state)));
  std::int64_t number = 0;
  for (auto _ : state) {
    std::latch answered(1000);
    for (int i = 0; i < 1000; ++i) {
      log->record(entry(number++), [&](const Status&) { answered.count_down(); });
    }
    answered.wait();
  }
  state.SetItemsProcessed(number);
}
BENCHMARK(BM_ThousandEntries)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace parapet::server

BENCHMARK_MAIN();
