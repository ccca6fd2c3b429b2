// The bundled model's held-out conversations.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "parapet/types.h"
#include "support/paths.h"

namespace parapet::test {

inline std::vector<Conversation> heldout_conversations() {
  std::ifstream file(source_dir() / "tools/bundled_model/heldout.jsonl");
  std::vector<Conversation> conversations;
  for (std::string line; std::getline(file, line);) {
    Conversation& conversation = conversations.emplace_back();
    const auto example = nlohmann::json::parse(line);
    for (const auto& message : example.at("messages")) {
      conversation.push_back({message.at("role"), message.at("content")});
    }
  }
  if (conversations.size() < 100) throw std::runtime_error("heldout.jsonl is not what it was");
  return conversations;
}

}  // namespace parapet::test
