// Random requests in tiny caches, to the end: whatever is scheduled, preempted, shared, drafted or
// cancelled, every answer is what its prompt alone decides, and no block is lost. A run is its
// seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>

#include "engine/fake_engine.h"
#include "engine/simulated_traffic.h"

namespace parapet::test {
namespace {

// What runs went through: none of it may go untested unnoticed.
struct Coverage {
  std::int64_t answers = 0;
  std::int64_t refused = 0;
  std::int64_t cancelled_waiting = 0;
  std::int64_t cancelled_running = 0;
  std::int64_t cancelled_preempted = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_hits = 0;
  std::int64_t block_copies = 0;
  std::int64_t pinned_blocks = 0;
  std::int64_t accepted_on_trunk = 0;
  std::int64_t accepted_off_trunk = 0;
};

void require(bool holds, const std::string& problem) {
  if (!holds) throw std::runtime_error(problem);
}

// Throws where something is wrong.
class Simulation {
 public:
  Simulation(std::uint64_t seed, std::int64_t num_requests)
      : random_(seed),
        num_requests_(num_requests),
        limits_(draw_limits(random_)),
        traffic_(random_, limits_),
        engine_(limits_, seed),
        arrival_percent_(random_.within(5, 90)),
        cancel_percent_(random_.percent(50) ? random_.within(1, 15) : 0),
        forget_permille_(random_.percent(20) ? 5 : 0) {}

  void run(Coverage& coverage) {
    while (num_arrived_ < num_requests_ || engine_.scheduler().has_work()) {
      while (num_arrived_ < num_requests_ && random_.percent(arrival_percent_)) arrive(coverage);
      if (!engine_.active().empty() && random_.percent(cancel_percent_)) cancel_one(coverage);
      if (random_.within(0, 999) < forget_permille_) engine_.scheduler().forget_prefixes();
      if (!engine_.scheduler().has_work()) continue;
      note_first();
      check_step(engine_.step(), coverage);
    }
    for (const Served& served : engine_.served()) check_answer(served, coverage);
    check_end(coverage);
  }

 private:
  void arrive(Coverage& coverage) {
    ++num_arrived_;
    const auto added = engine_.add(traffic_.draw(random_, engine_));
    if (added) return;
    ++coverage.refused;
    // Each could be served alone: only what is pinned can stand in its way.
    require(added.error().code == ErrorCode::kResourceExhausted &&
                engine_.scheduler().num_pinned_blocks() > 0,
            "refused: " + added.error().message);
  }

  void cancel_one(Coverage& coverage) {
    const auto& active = engine_.active();
    Served& served = *active[static_cast<std::size_t>(random_.within(0, std::ssize(active) - 1))];
    if (!served.sequence.block_table.empty()) {
      ++coverage.cancelled_running;
    } else if (served.sequence.num_passes > 0) {
      ++coverage.cancelled_preempted;
    } else {
      ++coverage.cancelled_waiting;
    }
    engine_.cancel(served);
    engine_.scheduler().check_integrity();
  }

  // Nobody starves: whoever is first in order is answered within so many steps, and so, in its
  // turn, is the next. While the first waits nobody else starts, and each step brings one of at
  // most max_num_seqs running ones forward, which have at most max_model_len tokens each. While it
  // runs, it stands back only where others that write fill the step, and none joins them then.
  void note_first() {
    const auto& active = engine_.active();
    const Served* first = *std::ranges::min_element(
        active, {}, [](const Served* served) { return served->sequence.order(); });
    num_steps_first_ = first == first_ ? num_steps_first_ + 1 : 1;
    first_ = first;
    require(num_steps_first_ <= 2 * limits_.max_num_seqs * limits_.max_model_len,
            "request " + std::to_string(first->sequence.id) + " starves");
  }

  void check_step(const Step& step, Coverage& coverage) {
    std::int64_t num_rows = 0;
    std::int64_t num_branches = 0;
    for (const ScheduledSequence& each : step.sequences) {
      require(each.num_tokens > 0, "a sequence without tokens in a step");
      num_rows += each.num_rows();
      num_branches += std::ssize(each.draft.branches());
    }
    require(num_rows == step.num_rows && num_branches == step.num_branches, "a step miscounted");
    require(num_rows <= limits_.max_num_batched_tokens, "a step of too many rows");
    require(engine_.scheduler().num_running() <= limits_.max_num_seqs, "too many are running");
    coverage.block_copies += std::ssize(step.block_copies);
  }

  void check_answer(const Served& served, Coverage& coverage) const {
    const Sequence& sequence = served.sequence;
    const GenerationRequest& request = sequence.request;
    const std::string who = "request " + std::to_string(sequence.id);
    require(served.num_answers == 1,
            who + " was answered " + std::to_string(served.num_answers) + " times");
    std::vector<TokenId> alone = engine_.model().answer_alone(request, sequence.max_tokens);
    if (served.cancelled) {
      require(sequence.num_output() <= std::ssize(alone), who + " wrote too much");
      alone.resize(static_cast<std::size_t>(sequence.num_output()));
    } else {
      ++coverage.answers;
    }
    require(std::ranges::equal(sequence.written(), alone), who + " got another answer than alone");
    const bool may_hit = request.use_prefix_cache && !request.prompt_logprobs;
    require(sequence.num_cached_tokens <= (may_hit ? sequence.num_prompt() - 1 : 0),
            who + " skipped tokens that it needs");
  }

  void check_end(Coverage& coverage) {
    Scheduler& scheduler = engine_.scheduler();
    coverage.preemptions += scheduler.stats().num_preemptions;
    coverage.prefix_hits += scheduler.stats().prefix_hits;
    coverage.pinned_blocks += scheduler.num_pinned_blocks();
    coverage.accepted_on_trunk += engine_.num_accepted_on_trunk();
    coverage.accepted_off_trunk += engine_.num_accepted_off_trunk();
    require(scheduler.blocks().num_free() + scheduler.num_pinned_blocks() == limits_.num_kv_blocks,
            "blocks leaked");
    scheduler.forget_prefixes();
    scheduler.check_integrity();
    require(scheduler.blocks().num_free() == limits_.num_kv_blocks, "pinned blocks leaked");
    require(scheduler.blocks().num_cached() == 0, "forgotten blocks can be found");
  }

  Random random_;
  std::int64_t num_requests_;
  EngineLimits limits_;
  SimulatedTraffic traffic_;
  FakeEngine engine_;
  std::int64_t arrival_percent_;
  std::int64_t cancel_percent_;
  std::int64_t forget_permille_;
  std::int64_t num_arrived_ = 0;
  const Served* first_ = nullptr;
  std::int64_t num_steps_first_ = 0;
};

constexpr const char* kSeedVariable = "PARAPET_SIMULATION_SEED";

void simulate(std::uint64_t seed, std::int64_t num_requests, Coverage& coverage) {
  try {
    Simulation(seed, num_requests).run(coverage);
  } catch (const std::exception& problem) {
    ADD_FAILURE() << problem.what() << "\nto run it alone: " << kSeedVariable << "=" << seed << ", "
                  << num_requests << " requests";
  }
}

TEST(SimulationTest, ShortRunsOfEverySort) {
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) simulate(seed, 40, coverage);
  EXPECT_GT(coverage.answers, 5000);
  EXPECT_GT(coverage.refused, 0);
  EXPECT_GT(coverage.cancelled_waiting, 0);
  EXPECT_GT(coverage.cancelled_running, 0);
  EXPECT_GT(coverage.cancelled_preempted, 0);
  EXPECT_GT(coverage.preemptions, 0);
  EXPECT_GT(coverage.prefix_hits, 0);
  EXPECT_GT(coverage.block_copies, 0);
  EXPECT_GT(coverage.pinned_blocks, 0);
  EXPECT_GT(coverage.accepted_on_trunk, 0);
  EXPECT_GT(coverage.accepted_off_trunk, 0);
}

TEST(SimulationTest, LongRuns) {
  Coverage coverage;
  for (std::uint64_t seed = 1001; seed <= 1006; ++seed) simulate(seed, 1000, coverage);
  EXPECT_GT(coverage.answers, 0);
}

// Another seed, from outside: to look for trouble, or at what was found.
TEST(SimulationTest, SeedOfTheEnvironment) {
  const char* seed = std::getenv(kSeedVariable);
  Coverage coverage;
  simulate(seed == nullptr ? 7 : std::strtoull(seed, nullptr, 10), 300, coverage);
  EXPECT_GT(coverage.answers + coverage.cancelled_running, 0);
}

}  // namespace
}  // namespace parapet::test
