#include "server/audit/audit_time.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>

namespace parapet::server {
namespace {

using std::chrono::milliseconds;

// Reads digits off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<std::int64_t> digits(std::size_t fewest, std::size_t most) {
    std::size_t count = 0;
    while (count < rest_.size() && count < most && rest_[count] >= '0' && rest_[count] <= '9') {
      ++count;
    }
    if (count < fewest) return std::nullopt;
    std::int64_t value = 0;
    std::from_chars(rest_.data(), rest_.data() + count, value);
    rest_.remove_prefix(count);
    return value;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<milliseconds> unit_of(std::string_view suffix) {
  if (suffix == "s") return std::chrono::seconds(1);
  if (suffix == "m") return std::chrono::minutes(1);
  if (suffix == "h") return std::chrono::hours(1);
  if (suffix == "d") return std::chrono::hours(24);
  return std::nullopt;
}

std::optional<std::int64_t> time_before(std::string_view text, std::int64_t now_ms) {
  Reader reader(text);
  const auto count = reader.digits(1, 9);
  const auto unit = unit_of(reader.rest());
  if (!count || !unit) return std::nullopt;
  return now_ms - *count * unit->count();
}

// The digits behind the point of a second are a fraction: "5" is 500 ms.
std::optional<std::int64_t> milliseconds_of_fraction(Reader& reader) {
  const std::size_t before = reader.rest().size();
  auto value = reader.digits(1, 3);
  for (std::size_t digits = before - reader.rest().size(); value && digits < 3; ++digits) {
    *value *= 10;
  }
  return value;
}

// Milliseconds since midnight; the reader is behind the 'T'.
std::optional<std::int64_t> time_of_day(Reader& reader) {
  const auto hour = reader.digits(2, 2);
  if (!hour || *hour > 23 || !reader.skip(':')) return std::nullopt;
  const auto minute = reader.digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t total = (*hour * 60 + *minute) * 60'000;
  if (!reader.skip(':')) return total;
  const auto second = reader.digits(2, 2);
  if (!second || *second > 59) return std::nullopt;
  total += *second * 1000;
  if (!reader.skip('.')) return total;
  const auto fraction = milliseconds_of_fraction(reader);
  if (!fraction) return std::nullopt;
  return total + *fraction;
}

std::optional<std::int64_t> time_on_calendar(std::string_view text) {
  using namespace std::chrono;
  Reader reader(text);
  const auto y = reader.digits(4, 4);
  if (!y || !reader.skip('-')) return std::nullopt;
  const auto m = reader.digits(2, 2);
  if (!m || !reader.skip('-')) return std::nullopt;
  const auto d = reader.digits(2, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year(static_cast<int>(*y)), month(static_cast<unsigned>(*m)),
                            day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  std::int64_t since_midnight = 0;
  if (reader.skip('T') || reader.skip(' ')) {
    const auto time = time_of_day(reader);
    if (!time) return std::nullopt;
    since_midnight = *time;
  }
  reader.skip('Z');
  if (!reader.rest().empty()) return std::nullopt;
  return duration_cast<milliseconds>(sys_days(date).time_since_epoch()).count() + since_midnight;
}

}  // namespace

std::int64_t unix_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

std::string format_time(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(unix_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

Result<std::int64_t> parse_time(std::string_view name, std::string_view text, std::int64_t now_ms) {
  auto time = time_before(text, now_ms);
  if (!time) time = time_on_calendar(text);
  if (time) return *time;
  return {ErrorCode::kInvalidArgument,
          std::string(name) +
              " is not a time: 2026-11-25, 2026-11-25T10:24:13Z (UTC), or how long "
              "ago, as 90s, 30m, 24h or 7d"};
}

}  // namespace parapet::server
