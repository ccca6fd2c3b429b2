"""Writes src/jinja/unicode_tables.cc: what str.upper(), str.isdigit() and the like know of Unicode
and utf8proc does not. Run with the CPython whose behaviour is the reference (3.11):

    python3 tools/golden/jinja_unicode_tables.py > src/jinja/unicode_tables.cc
"""

import unicodedata

CODE_POINTS = [chr(i) for i in range(0x110000) if not 0xD800 <= i <= 0xDFFF]


def ranges(predicate):
    found = []
    for character in filter(predicate, CODE_POINTS):
        code = ord(character)
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def print_ranges(name, comment, predicate):
    print(f"// {comment}")
    found = ranges(predicate)
    print(f"constexpr CodePointRange k{name}Data[] = {{")
    for start in range(0, len(found), 6):
        print("    " + " ".join(f"{{{a:#x}, {b:#x}}}," for a, b in found[start:start + 6]))
    print(f"}};\nconst std::span<const CodePointRange> k{name} = k{name}Data;\n")


def print_mappings(name, comment, function):
    print(f"// {comment}")
    print(f"constexpr LongCaseMapping k{name}Data[] = {{")
    for character in CODE_POINTS:
        mapped = function(character)
        if len(mapped) > 1:
            codes = ", ".join(f"{ord(c):#x}" for c in mapped)
            print(f"    {{{ord(character):#x}, {{{codes}}}}},")
    print(f"}};\nconst std::span<const LongCaseMapping> k{name} = k{name}Data;\n")


def category(character):
    return unicodedata.category(character)


print("// Written by tools/golden/jinja_unicode_tables.py; do not edit. Unicode",
      unicodedata.unidata_version)
print('#include "jinja/unicode_tables.h"\n')
print("// clang-format off")
print("namespace parapet::jinja {\n")
print_mappings("LongUpper", "Upper case of more than one code point.", str.upper)
print_mappings("LongTitle", "Title case of more than one code point.", str.title)
print_ranges("OtherUpper", "isupper() outside category Lu.",
             lambda c: c.isupper() and category(c) != "Lu")
print_ranges("OtherLower", "islower() outside category Ll.",
             lambda c: c.islower() and category(c) != "Ll")
print_ranges("OtherDigit", "isdigit() outside category Nd.",
             lambda c: c.isdigit() and category(c) != "Nd")
print_ranges("OtherNumeric", "isnumeric() where isdigit() is not.",
             lambda c: c.isnumeric() and not c.isdigit())
print("}  // namespace parapet::jinja")
print("// clang-format on")
