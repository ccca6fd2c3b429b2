// Work cut into numbered tasks and spread over threads of their own.
#pragma once

#include <cstddef>
#include <functional>

namespace parapet {

// Runs task(0) to task(count - 1), each once, on up to num_threads threads, this one among them,
// and returns when all are done. Tasks may end in any order and must not throw. After each of its
// own tasks this thread calls `report`, which may be empty; no other thread does.
void for_each_task(std::size_t count, int num_threads, const std::function<void(std::size_t)>& task,
                   const std::function<void()>& report);

}  // namespace parapet
