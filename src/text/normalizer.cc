#include "text/normalizer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "base/utf8.h"
#include "text/unicode.h"

namespace parapet {
namespace {

struct Element {
  char32_t code_point;
  std::uint8_t combining_class;
};

void append_decomposed(char32_t code_point, std::vector<Element>& out) {
  std::array<char32_t, 4> storage;
  for (const char32_t part : decompose(code_point, storage)) {
    out.push_back({part, combining_class(part)});
  }
}

// Sorts each run of marks by class, keeping the order of equals.
void reorder_marks(std::vector<Element>& elements) {
  const auto is_starter = [](const Element& e) { return e.combining_class == 0; };
  for (auto at = elements.begin(); at != elements.end();) {
    const auto begin = std::find_if_not(at, elements.end(), is_starter);
    const auto end = std::find_if(begin, elements.end(), is_starter);
    std::stable_sort(begin, end, [](const Element& a, const Element& b) {
      return a.combining_class < b.combining_class;
    });
    at = end;
  }
}

// Joins each character to the last starter, unless one between them is in the way: a starter, or a
// mark of the same or a higher class.
void compose_in_place(std::vector<Element>& elements) {
  constexpr std::size_t kNoStarter = static_cast<std::size_t>(-1);
  std::size_t starter = kNoStarter;
  std::size_t kept = 0;
  for (const Element element : elements) {
    const bool adjacent = starter + 1 == kept;
    const bool blocked = !adjacent && elements[kept - 1].combining_class >= element.combining_class;
    if (starter != kNoStarter && !blocked) {
      if (const auto joined = compose(elements[starter].code_point, element.code_point)) {
        elements[starter].code_point = *joined;
        continue;
      }
    }
    if (element.combining_class == 0) starter = kept;
    elements[kept++] = element;
  }
  elements.resize(kept);
}

void append_nfc(std::string_view text, std::vector<Element>& scratch, std::string& out) {
  scratch.clear();
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = read_utf8(text, at);
    append_decomposed(next.code_point, scratch);
    at = next.end;
  }
  reorder_marks(scratch);
  compose_in_place(scratch);
  for (const Element& element : scratch) append_utf8(element.code_point, out);
}

}  // namespace

std::string to_nfc(std::string_view text) {
  std::string out;
  std::vector<Element> scratch;
  std::size_t copied = 0;      // text[0, copied) is in `out`
  std::size_t last_inert = 0;  // the last inert character so far: it may be a base
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {  // all of ASCII is inert
      last_inert = at++;
      continue;
    }
    Utf8Char next = read_utf8(text, at);
    if (properties_of(next.code_point).is_nfc_inert()) {
      last_inert = at;
      at = next.end;
      continue;
    }
    // Nothing reaches past an inert character: what lies between two of them stands for itself.
    std::size_t end = next.end;
    while (end < text.size()) {
      next = read_utf8(text, end);
      if (properties_of(next.code_point).is_nfc_inert()) break;
      end = next.end;
    }
    const std::size_t begin = std::max(last_inert, copied);
    out.append(text.substr(copied, begin - copied));
    append_nfc(text.substr(begin, end - begin), scratch, out);
    copied = end;
    last_inert = end;
    at = end;
  }
  out.append(text.substr(copied));
  return out;
}

}  // namespace parapet
