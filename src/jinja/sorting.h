// Stable sorting by keys whose comparison can fail.
#pragma once

#include <algorithm>
#include <compare>
#include <optional>
#include <vector>

#include "base/check.h"
#include "jinja/compare.h"

namespace parapet::jinja {

// Merge sort: std::sort needs a comparison that never fails and is consistent even where NaN or
// a hostile mix of types is compared.
template <class Item, class Key>
Status sort_by(Runtime& runtime, std::vector<Item>& items, Key key, bool descending = false) {
  struct Keyed {
    Value key;
    std::size_t position;
  };
  std::vector<Keyed> order_now;
  for (std::size_t i = 0; i < items.size(); ++i) order_now.push_back({key(items[i]), i});
  PARAPET_TRY(runtime.spend(items.size() * sizeof(Keyed) * 2));
  std::vector<Keyed> merged(order_now.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, items.size());
      const std::size_t end = std::min(begin + 2 * width, items.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t to = begin; to < end; ++to) {
        bool take_right = left == middle;
        if (!take_right && right < end) {
          const Value& a = order_now[left].key;
          const Value& b = order_now[right].key;
          PARAPET_ASSIGN(const auto ordering,
                         descending ? order(runtime, a, b) : order(runtime, b, a));
          take_right = std::is_lt(ordering);
        }
        merged[to] = order_now[take_right ? right++ : left++];
      }
    }
    order_now.swap(merged);
  }
  std::vector<Item> sorted;
  sorted.reserve(items.size());
  for (const Keyed& keyed : order_now) sorted.push_back(std::move(items[keyed.position]));
  items = std::move(sorted);
  return {};
}

}  // namespace parapet::jinja
