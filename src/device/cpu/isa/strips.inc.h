// Rows cut into strips that a kernel takes at once, their number known to the compiler.

template <int kNumRows>
struct Rows {
  static constexpr int kCount = kNumRows;
};

// fn(row, Rows<count>) for 1 <= count <= kMost.
template <int kMost, class Fn>
inline void call_with_rows(std::int64_t row, std::int64_t count, const Fn& fn) {
  if constexpr (kMost > 1) {
    if (count < kMost) return call_with_rows<kMost - 1>(row, count, fn);
  }
  fn(row, Rows<kMost>());
}

// fn(first row, Rows<count>) for strips of kMost rows, and for what is left. Of more than kMost
// rows no strip has fewer than kLeast: the last two are equal instead.
template <int kMost, int kLeast = 1, class Fn>
inline void for_each_strip(std::int64_t rows, const Fn& fn) {
  static_assert(2 * kLeast <= kMost + 1);
  for (std::int64_t left = rows; left > 0;) {
    const std::int64_t equal = left < kMost + kLeast ? (left + 1) / 2 : kMost;
    const std::int64_t count = left <= kMost ? left : equal;
    call_with_rows<kMost>(rows - left, count, fn);
    left -= count;
  }
}
