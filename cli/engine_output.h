// What an engine is, as a start-up log tells it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "parapet/engine_info.h"

namespace parapet::cli {

// A line each: weights, KV cache, concurrency, graphs, total.
std::string engine_text(const EngineInfo& engine);
nlohmann::ordered_json engine_json(const EngineInfo& engine);

}  // namespace parapet::cli
