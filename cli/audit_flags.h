// The audit log of `parapet serve`, as its user asks for it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/audit/audit_sink.h"

namespace parapet::cli {

struct AuditFlags {
  server::AuditOptions options;  // its file is empty where no log is to be kept
  server::AuditText text = server::AuditText::kHash;
};

void add_audit_flags(CLI::App& command, AuditFlags& flags);

// Null where no log is to be kept. `on_trouble` takes lines for the server's log, on any thread.
Result<std::unique_ptr<server::AuditSink>> open_audit_log(
    AuditFlags flags, std::function<void(const std::string& line)> on_trouble);

}  // namespace parapet::cli
