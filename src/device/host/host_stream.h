// A stream on the host: work runs in the call that enqueues it, or is kept while capturing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "device/device.h"
#include "device/host/host_memory.h"
#include "parapet/error.h"

namespace parapet {

// Work that fails (std::bad_alloc, InternalError) makes the stream skip what follows until
// synchronize() has told the first error: ops enqueue, so they have no way to answer themselves.
class HostStream final : public Stream {
 public:
  // Work is copyable and callable without arguments.
  template <class Work>
  void enqueue(Work work) {
    if (capture_) {
      capture_->emplace_back(std::move(work));
    } else {
      run(work);
    }
  }

  // Scratch for the op that is running; the next op may overwrite it.
  Workspace& workspace() { return workspace_; }

  std::unique_ptr<Event> record() override;
  void wait(const Event& event) override;
  Status synchronize() override;
  void copy_to_device(void* device, const void* host, std::size_t bytes) override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  Status begin_capture() override;
  Result<std::unique_ptr<Graph>> end_capture() override;
  Status replay(const Graph& graph) override;

 private:
  using Nodes = std::vector<std::function<void()>>;

  class HostEvent;
  class HostGraph;

  template <class Work>
  void run(const Work& work) {
    if (!status_) return;
    try {
      work();
    } catch (...) {
      status_ = current_error();
    }
  }
  static Error current_error();

  void copy(void* to, const void* from, std::size_t bytes, const char* name);
  void refuse_in_capture(const char* name);

  Workspace workspace_;
  Status status_;  // the first error since the last synchronize()
  std::unique_ptr<Nodes> capture_;
  Status capture_status_;  // why the capture under way cannot become a graph
};

}  // namespace parapet
