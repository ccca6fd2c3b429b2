// Operations on text that keep the origin of every byte. Positions are bytes unless said otherwise.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/origin_text.h"
#include "jinja/unicode.h"

namespace parapet::jinja {

// Searches in time linear in both lengths, whatever the needle.
std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from = 0);
std::size_t rfind_text(std::string_view text, std::string_view needle);
// Where the needle stands, left to right, without overlaps; at most `limit` of them.
std::vector<std::size_t> find_all(std::string_view text, std::string_view needle,
                                  std::size_t limit);

OriginText concat(const OriginText& left, const OriginText& right);
OriginText join(std::span<const OriginText> parts, const OriginText& separator);

// The text with the parts at `places`, each `length` bytes, replaced.
OriginText replace_at(const OriginText& text, std::span<const std::size_t> places,
                      std::size_t length, const OriginText& replacement);
// Python's replace with an empty needle: between all code points and at both ends.
OriginText interleave(const OriginText& text, const OriginText& separator, std::size_t limit);

using CodePointTest = std::function<bool(char32_t)>;
OriginText strip_left(const OriginText& text, const CodePointTest& strip);
OriginText strip_right(const OriginText& text, const CodePointTest& strip);

// The code points, each with its origin.
std::vector<OriginText> characters(const OriginText& text);

// Each code point replaced by what `map` appends for it; the result has the code point's origin.
// `map` gets the byte at which it starts, too.
using CodePointMap = std::function<void(std::string& out, char32_t c, std::size_t at)>;
OriginText map_code_points(const OriginText& text, const CodePointMap& map);

OriginText to_upper(const OriginText& text);
OriginText to_lower(const OriginText& text);
OriginText capitalized(const OriginText& text);  // str.capitalize
OriginText titled(const OriginText& text);       // str.title

// The template's if every byte is.
Origin origin_of(const OriginText& text);
OriginText with_origin(std::string_view text, Origin origin);

}  // namespace parapet::jinja
