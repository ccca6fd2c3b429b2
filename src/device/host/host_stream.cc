#include "device/host/host_stream.h"

#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace parapet {

// Work is done by the time anyone can hold the event; it keeps how that went.
class HostStream::HostEvent final : public Event {
 public:
  explicit HostEvent(Status status) : status_(std::move(status)) {}
  bool ready() const override { return true; }
  Status synchronize() override { return status_; }

 private:
  Status status_;
};

class HostStream::HostGraph final : public Graph {
 public:
  HostGraph(const HostStream* stream, Nodes nodes) : stream_(stream), nodes_(std::move(nodes)) {}
  std::size_t num_nodes() const override { return nodes_.size(); }
  const HostStream* stream() const { return stream_; }
  const Nodes& nodes() const { return nodes_; }

 private:
  const HostStream* stream_;  // only compared: the nodes use its workspace
  Nodes nodes_;
};

Error HostStream::current_error() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, "out of host memory while running an op"};
  } catch (const std::exception& exception) {
    return {ErrorCode::kInternal, exception.what()};
  }
}

std::unique_ptr<Event> HostStream::record() {
  if (capture_) refuse_in_capture("record");
  return std::make_unique<HostEvent>(status_);
}

// Whoever holds an event of a host stream knows its work to be done.
void HostStream::wait(const Event& /*event*/) {}

Status HostStream::synchronize() {
  if (capture_) {
    refuse_in_capture("synchronize");
    return capture_status_;
  }
  return std::exchange(status_, Status());
}

void HostStream::copy_to_device(void* device, const void* host, std::size_t bytes) {
  copy(device, host, bytes, "copy_to_device");
}

void HostStream::copy_to_host(void* host, const void* device, std::size_t bytes) {
  copy(host, device, bytes, "copy_to_host");
}

void HostStream::copy(void* to, const void* from, std::size_t bytes, const char* name) {
  if (capture_) {
    refuse_in_capture(name);
  } else if (bytes > 0) {  // memcpy may not be given null, even for nothing
    run([=] { std::memcpy(to, from, bytes); });
  }
}

void HostStream::refuse_in_capture(const char* name) {
  if (!capture_status_) return;
  capture_status_ =
      Error{ErrorCode::kInternal, std::string(name) + " is not possible while capturing a graph"};
}

Status HostStream::begin_capture() {
  if (capture_) return Error{ErrorCode::kInternal, "begin_capture: a capture is already under way"};
  capture_ = std::make_unique<Nodes>();
  capture_status_ = {};
  return {};
}

Result<std::unique_ptr<Graph>> HostStream::end_capture() {
  if (!capture_) return Error{ErrorCode::kInternal, "end_capture: no capture is under way"};
  const std::unique_ptr<Nodes> nodes = std::exchange(capture_, nullptr);
  if (!capture_status_) return capture_status_.error();
  return std::unique_ptr<Graph>(std::make_unique<HostGraph>(this, std::move(*nodes)));
}

Status HostStream::replay(const Graph& graph) {
  const auto* recorded = dynamic_cast<const HostGraph*>(&graph);
  if (recorded == nullptr || recorded->stream() != this) {
    return Error{ErrorCode::kInternal, "replay: the graph was captured on another stream"};
  }
  if (capture_) {
    refuse_in_capture("replay");
    return capture_status_;
  }
  for (const auto& node : recorded->nodes()) run(node);
  return {};
}

}  // namespace parapet
