// From the public options to an engine, and back to what a start-up log says.
#pragma once

#include <cstdint>
#include <memory>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "device/device.h"
#include "engine/engine.h"
#include "parapet/engine_info.h"
#include "parapet/error.h"
#include "parapet/llm.h"

namespace parapet {

struct EngineSetup {
  std::unique_ptr<Device> device;  // must outlive the engine
  std::unique_ptr<Engine> engine;
  EngineInfo info;
};

// Loads the weights of `config` from options.model, or makes dummy ones.
Result<EngineSetup> set_up_engine(const ModelOptions& options, const ModelConfig& config);

}  // namespace parapet
