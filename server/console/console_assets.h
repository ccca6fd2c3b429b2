// The console: the page at "/" and what it loads, all of it inside the program.
#pragma once

#include <span>
#include <string_view>
#include <utility>

namespace parapet::server {

struct ConsoleAsset {
  std::string_view path;  // "/", "/console/main.js"
  std::string_view content_type;
  std::string_view etag;  // quoted, of the content
  std::string_view content;
};

// All of them. None holds a secret: the page asks for a key and sends it with what it asks for.
std::span<const ConsoleAsset> console_assets();
// Null where there is none of that path.
const ConsoleAsset* find_console_asset(std::string_view path);

// Headers of every asset's answer: the page runs its own scripts alone, talks to its own server
// alone, and stands in no frame.
std::span<const std::pair<std::string_view, std::string_view>> console_headers();

}  // namespace parapet::server
