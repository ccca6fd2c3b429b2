#include "server/http/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <random>

namespace parapet::server {
namespace {

constexpr std::size_t kLongestId = 128;

std::uint64_t random_bits() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

bool is_fit(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("-_.:").find(c) != std::string_view::npos;
}

}  // namespace

// A random half for the process, and a count within it, spread over all bits.
std::string unique_id() {
  static const std::uint64_t process = random_bits();
  static std::atomic<std::uint64_t> next{random_bits()};
  return fmt::format("{:016x}{:016x}", process,
                     next.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15u);
}

std::string request_id(std::string_view given) {
  if (given.empty() || given.size() > kLongestId || !std::ranges::all_of(given, is_fit)) {
    return unique_id();
  }
  return std::string(given);
}

}  // namespace parapet::server
