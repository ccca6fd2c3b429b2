#include "server/console/console_assets.h"

#include <algorithm>
#include <array>

namespace parapet::server {

std::span<const std::pair<std::string_view, std::string_view>> console_headers() {
  using Header = std::pair<std::string_view, std::string_view>;
  static constexpr std::array kHeaders = {
      Header("Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
             "require-trusted-types-for 'script'; trusted-types 'none'"),
      Header("X-Content-Type-Options", "nosniff"),
      Header("Referrer-Policy", "no-referrer"),
      Header("Cross-Origin-Opener-Policy", "same-origin"),
      Header("Cross-Origin-Resource-Policy", "same-origin"),
      Header("Cache-Control", "no-cache"),
  };
  return kHeaders;
}

const ConsoleAsset* find_console_asset(std::string_view path) {
  const auto assets = console_assets();
  const auto found = std::ranges::find(assets, path, &ConsoleAsset::path);
  return found == assets.end() ? nullptr : &*found;
}

}  // namespace parapet::server
