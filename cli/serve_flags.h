// The flags of `parapet serve`: vLLM's under vLLM's names, and Parapet's own.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "audit_flags.h"
#include "parapet/error.h"
#include "parapet/llm.h"
#include "parapet/precision.h"
#include "server/log/log.h"
#include "server/options.h"

namespace parapet::cli {

struct ServeOptions {
  ModelOptions model;
  server::ServerOptions server;
  AuditFlags audit;
  server::LogFormat log_format = server::LogFormat::kText;
  server::LogLevel log_level = server::LogLevel::kInfo;

  bool precision_check = false;
  PrecisionThresholds precision;

  std::string dtype = "auto";
  std::string generation_config = "auto";
  std::string override_generation_config;  // JSON
  std::string api_key_file;
  std::vector<std::string> accepted;  // what was given and changes nothing: a line of log each
};

// `options` must live until the arguments are parsed.
void add_serve_flags(CLI::App& command, ServeOptions& options);

// What can only be said once all flags are known: names, keys, sampling defaults, the dtype.
Status finish(ServeOptions& options);

}  // namespace parapet::cli
