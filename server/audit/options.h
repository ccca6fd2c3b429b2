// How an audit log is kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace parapet::server {

// What an answered entry survives.
enum class Durability : std::uint8_t {
  kProcess,  // the end of the process, kill -9 too: the system has the bytes
  kPower,    // a loss of power: the disk has them; every batch waits for it
};

struct AuditOptions {
  std::filesystem::path file;
  Durability durability = Durability::kProcess;

  // The oldest entries go first; 0: no limit.
  std::int64_t retention_days = 0;
  std::int64_t max_bytes = 0;  // of the file, without what its WAL takes beside it

  // What waits to be written. An entry beyond either is refused.
  std::int64_t max_queued = 16384;
  std::int64_t max_queued_bytes = std::int64_t{64} << 20;

  // How long to wait for another program's lock before entries are refused.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(2);
  // Told once when entries begin to be refused, and once when they no longer are: one line for the
  // server's log, on the writer's thread. May be empty.
  std::function<void(const std::string& line)> on_trouble;
};

// The least that max_bytes may be: the empty tables and a few texts.
inline constexpr std::int64_t kMinAuditBytes = std::int64_t{1} << 20;

}  // namespace parapet::server
