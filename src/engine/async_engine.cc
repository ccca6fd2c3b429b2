#include "engine/async_engine.h"

#include <exception>
#include <new>
#include <utility>

namespace parapet {

AsyncEngine::AsyncEngine(std::unique_ptr<Engine> engine)
    : engine_(std::move(engine)), stats_(engine_->stats()), thread_([this] { run(); }) {
  link_->engine = this;
}

AsyncEngine::~AsyncEngine() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->engine = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

RequestId AsyncEngine::submit(GenerationRequest request, OnAnswer on_answer) {
  RequestId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_id_;
    commands_.emplace_back(
        [this, id, request = std::move(request), on_answer = std::move(on_answer)]() mutable {
          add(id, std::move(request), std::move(on_answer));
        });
  }
  wake_.notify_one();
  return id;
}

std::function<void()> AsyncEngine::canceller(std::vector<RequestId> ids) {
  return [link = link_, ids = std::move(ids)] {
    const std::lock_guard lock(link->mutex);
    if (link->engine == nullptr) return;
    link->engine->enqueue([engine = link->engine, ids] {
      for (const RequestId id : ids) engine->cancel(id);
    });
  };
}

// On the engine's thread.
void AsyncEngine::cancel(RequestId id) {
  const auto found = pending_.find(id);
  if (found != pending_.end()) engine_->cancel(found->second.engine_id);
}

void AsyncEngine::reset_prefix_cache() {
  enqueue([this] { engine_->reset_prefix_cache(); });
}

EngineStats AsyncEngine::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void AsyncEngine::enqueue(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  wake_.notify_one();
}

void AsyncEngine::run() {
  std::vector<Command> commands;
  while (await_work(commands)) {
    for (Command& command : commands) command();
    commands.clear();
    step();
  }
  break_down({ErrorCode::kCancelled, "the engine was shut down before the answer was written"});
  do {  // who is told so may ask for more, and is told again
    for (Command& command : commands) command();
  } while (take_commands(commands));
}

bool AsyncEngine::take_commands(std::vector<Command>& commands) {
  commands.clear();
  const std::lock_guard lock(mutex_);
  commands.swap(commands_);
  return !commands.empty();
}

bool AsyncEngine::await_work(std::vector<Command>& commands) {
  std::unique_lock lock(mutex_);
  stats_ = engine_->stats();
  wake_.wait(lock, [this] {
    return stopping_ || !commands_.empty() || (!broken_ && engine_->has_work());
  });
  commands.swap(commands_);
  return !stopping_;
}

void AsyncEngine::step() {
  if (broken_ || !engine_->has_work()) return;
  try {
    engine_->step();
  } catch (const std::bad_alloc&) {
    break_down({ErrorCode::kResourceExhausted, "out of memory during a step"});
  } catch (const std::exception& bug) {
    break_down({ErrorCode::kInternal, bug.what()});
  }
}

void AsyncEngine::add(RequestId id, GenerationRequest request, OnAnswer on_answer) {
  if (broken_) return on_answer(*broken_);
  Pending& pending = pending_[id];
  pending.on_answer = std::move(on_answer);
  const auto answer = [this, id](Result<GenerationOutput> result) {
    const auto found = pending_.find(id);
    const OnAnswer tell = std::move(found->second.on_answer);
    pending_.erase(found);
    tell(std::move(result));
  };
  const auto added = engine_->add(std::move(request), answer);
  if (added) {
    pending.engine_id = *added;
  } else {
    answer(added.error());
  }
}

// Everyone gets an answer, whatever the engine still knows of them.
void AsyncEngine::break_down(const Error& error) {
  broken_ = error;
  for (auto& [id, pending] : std::exchange(pending_, {})) pending.on_answer(error);
}

}  // namespace parapet
