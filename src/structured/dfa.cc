#include "structured/dfa.h"

#include <algorithm>
#include <bitset>
#include <utility>

namespace parapet {

Dfa::Dfa(Nfa nfa) : nfa_(std::move(nfa)), seen_in_(nfa_.size(), 0) {
  find_byte_classes();
  restart();
}

void Dfa::find_byte_classes() {
  std::bitset<257> begins;
  for (const Nfa::Edge& edge : nfa_.edges()) {
    begins.set(edge.bytes.first);
    begins.set(edge.bytes.last + 1U);
  }
  std::uint8_t current = 0;
  for (std::size_t byte = 1; byte < 256; ++byte) {
    if (begins[byte]) ++current;
    class_of_[byte] = current;
  }
  classes_ = current + std::size_t{1};
}

void Dfa::restart() {
  ids_.clear();
  sets_.clear();
  accepts_.clear();
  next_.clear();
  members_ = 0;
  intern({});  // kDead
  std::fill_n(next_.begin(), classes_, kDead);
  ++round_;
  add_closure(nfa_.start());
  start_ = intern_found();
}

void Dfa::forget_all_but(std::span<State> held) {
  std::vector<Members> kept;
  kept.reserve(held.size());
  for (const State state : held) kept.push_back(*sets_[state]);
  restart();
  for (std::size_t i = 0; i < held.size(); ++i) {
    work_ += kept[i].size();
    held[i] = intern(std::move(kept[i]));
  }
}

Dfa::State Dfa::find_next(State from, std::uint8_t byte) {
  if (is_spent()) return kDead;
  ++round_;
  for (const Nfa::State member : *sets_[from]) {
    for (const Nfa::Edge& edge : nfa_.edges(member)) {
      ++work_;
      if (byte >= edge.bytes.first && byte <= edge.bytes.last) add_closure(edge.to);
    }
  }
  const State to = intern_found();
  next_[from * classes_ + class_of_[byte]] = to;
  return to;
}

// Adds the states that are reached without reading, except those that only pass on.
void Dfa::add_closure(Nfa::State state) {
  pending_.push_back(state);
  while (!pending_.empty()) {
    const Nfa::State next = pending_.back();
    pending_.pop_back();
    if (seen_in_[next] == round_ || !nfa_.is_live(next)) continue;
    seen_in_[next] = round_;
    ++work_;
    if (nfa_.is_split(next)) {
      pending_.insert(pending_.end(), nfa_.ways(next).begin(), nfa_.ways(next).end());
    } else {
      found_.push_back(next);
    }
  }
}

Dfa::State Dfa::intern_found() {
  std::sort(found_.begin(), found_.end());
  return intern(std::exchange(found_, {}));
}

Dfa::State Dfa::intern(Members members) {
  const auto [entry, is_new] =
      ids_.try_emplace(std::move(members), static_cast<State>(sets_.size()));
  if (!is_new) return entry->second;
  sets_.push_back(&entry->first);
  members_ += entry->first.size();
  accepts_.push_back(!entry->first.empty() && entry->first.front() == Nfa::kAccept);
  next_.resize(next_.size() + classes_, kUnknown);
  return entry->second;
}

}  // namespace parapet
