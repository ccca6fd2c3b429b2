// Cache lines that are fetched beside products.

inline void fetch_line(const std::byte* line) {
  constexpr int kRead = 0;
  constexpr int kSecondLevel = 2;
  __builtin_prefetch(line, kRead, kSecondLevel);
}

class FetchLines {
 public:
  explicit FetchLines(const LineFetch& fetch) : fetch_(fetch) {}
  // All of them are fetched in so many steps.
  FetchLines(const LineFetch& fetch, std::int64_t steps) : fetch_(fetch) {
    per_step_ = ((fetch.end - fetch.streams) * fetch.lines + steps - 1) / steps;
  }

  void step() {
    for (std::int64_t left = per_step_; left > 0 && fetch_.streams != fetch_.end; --left) {
      fetch_line(take(1, nullptr));
    }
  }
  void finish() {}

  // The next lines, for the caller to fetch; past a stream's end that is harmless. Behind the last
  // stream `otherwise`: of a page that is not there even a fetch takes its time.
  const std::byte* take(std::int64_t lines, const void* otherwise) {
    if (fetch_.streams == fetch_.end) return static_cast<const std::byte*>(otherwise);
    const std::byte* const first = *fetch_.streams + fetch_.offset + line_ * kCacheLine;
    line_ += lines;
    if (line_ >= fetch_.lines) {
      line_ = 0;
      ++fetch_.streams;
    }
    return first;
  }

 private:
  LineFetch fetch_;
  std::int64_t per_step_ = 0;
  std::int64_t line_ = 0;  // of the first stream, the next to be fetched
};
