#include "server/log/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

namespace parapet::server {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

// "2026-01-31T12:00:00.000Z"
std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc = {};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:03}Z", std::string_view(text, length), millis % 1000);
}

std::string json_line(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line = {
      {"time", utc_now()}, {"level", name_of(level)}, {"message", message}};
  for (const auto& [name, value] : fields) {
    std::visit([&, key = name](const auto& each) { line[std::string(key)] = each; }, value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// One line, whatever the text holds.
std::string without_controls(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

std::string text_line(std::string_view message, std::initializer_list<LogField> fields) {
  std::string line(message);
  for (const auto& [name, value] : fields) {
    line += fmt::format(" {}=", name);
    std::visit([&](const auto& each) { line += fmt::format("{}", each); }, value);
  }
  return without_controls(std::move(line));
}

}  // namespace

struct Log::Impl {
  LogFormat format;
  spdlog::logger logger;
};

Log::Log(LogFormat format, LogLevel least)
    : impl_(new Impl{format,
                     {"parapet", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>()}}) {
  impl_->logger.set_level(level_of(least));
  impl_->logger.flush_on(spdlog::level::debug);
  impl_->logger.set_pattern(format == LogFormat::kJson ? "%v" : "%^%L%$ %m-%d %H:%M:%S.%e %v");
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) const {
  if (!impl_->logger.should_log(level_of(level))) return;
  const std::string line = impl_->format == LogFormat::kJson ? json_line(level, message, fields)
                                                             : text_line(message, fields);
  impl_->logger.log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace parapet::server
