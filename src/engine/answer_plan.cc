#include "engine/answer_plan.h"

#include <algorithm>

namespace parapet {

std::int32_t DraftTree::add(std::span<const TokenId> tokens, std::int32_t parent) {
  for (const TokenId token : tokens) {
    const auto there = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) {
      return node.token == token && node.parent == parent;
    });
    parent = there != nodes.end() ? static_cast<std::int32_t>(there - nodes.begin())
                                  : add(token, parent);
  }
  return parent;
}

}  // namespace parapet
