// An engine on a thread of its own, for callers on any other.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace parapet {

// Every method may be called from any thread at any time. Each request is answered exactly once, on
// the engine's thread: what is called there must return soon, must not wait for another answer and
// must not throw.
class AsyncEngine {
 public:
  explicit AsyncEngine(std::unique_ptr<Engine> engine);
  // Cancels what is under way.
  ~AsyncEngine();
  AsyncEngine(const AsyncEngine&) = delete;
  AsyncEngine& operator=(const AsyncEngine&) = delete;

  // Refusals are answers too.
  RequestId submit(GenerationRequest request, OnAnswer on_answer);
  // Cancels these requests when called, from any thread; does nothing once the engine is gone.
  std::function<void()> canceller(std::vector<RequestId> ids);
  // As of the last step.
  EngineStats stats() const;
  void reset_prefix_cache();

  // What never changes.
  const Engine& engine() const { return *engine_; }

 private:
  using Command = std::function<void()>;

  // How those reach the engine who may outlive it.
  struct Link {
    std::mutex mutex;
    AsyncEngine* engine;
  };

  void enqueue(Command command);
  void cancel(RequestId id);
  void run();
  // False where the engine is to stop.
  bool await_work(std::vector<Command>& commands);
  // False where there are none.
  bool take_commands(std::vector<Command>& commands);
  void step();
  void add(RequestId id, GenerationRequest request, OnAnswer on_answer);
  void break_down(const Error& error);

  std::unique_ptr<Engine> engine_;  // used by the engine's thread alone, but for what never changes

  std::shared_ptr<Link> link_ = std::make_shared<Link>();
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Command> commands_;
  EngineStats stats_;
  RequestId last_id_ = 0;
  bool stopping_ = false;

  // Of the engine's thread.
  struct Pending {
    RequestId engine_id = 0;
    OnAnswer on_answer;
  };
  std::unordered_map<RequestId, Pending> pending_;  // by the id that the caller has
  std::optional<Error> broken_;  // a bug of ours was met: the engine's books cannot be trusted

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace parapet
