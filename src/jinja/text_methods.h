// What filters and string methods share.
#pragma once

#include <cstdint>
#include <vector>

#include "base/origin_text.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace parapet::jinja {

enum class StripSide : std::uint8_t { kLeft, kRight, kBoth };
// `chars` is None (white space) or a string of characters to take away.
Result<Value> strip_text(Runtime& runtime, const Text& text, const Value& chars, StripSide side);

// str.replace; a negative count replaces all.
Result<OriginText> replace_text(Runtime& runtime, const OriginText& text, const OriginText& from,
                                const OriginText& to, std::int64_t count);

enum class Padding : std::uint8_t { kLeft, kRight, kBoth };  // where the fill goes
Result<OriginText> pad_text(Runtime& runtime, const OriginText& text, std::int64_t width,
                            Padding padding, const OriginText& fill);

// str.splitlines.
std::vector<OriginText> split_lines(const OriginText& text, bool keep_ends);

}  // namespace parapet::jinja
