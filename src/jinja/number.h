// Python's numbers: how they print, and arithmetic that says so when 64 bits are not enough.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parapet::jinja {

// repr(float): the shortest digits that read back, "1.0", "1e+16", "inf", "nan".
std::string float_repr(double value);

// nullopt: the result does not fit in 64 bits.
std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b);
std::optional<std::int64_t> checked_subtract(std::int64_t a, std::int64_t b);
std::optional<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b);
std::optional<std::int64_t> checked_power(std::int64_t base, std::int64_t exponent);

// Rounding towards minus infinity, as Python divides. The divisor must not be 0.
std::int64_t floor_divide(std::int64_t a, std::int64_t b);  // not for INT64_MIN // -1
std::int64_t floor_modulo(std::int64_t a, std::int64_t b);
double floor_modulo(double a, double b);

// int(text, base) and float(text) of Python: surrounding space, signs and single underscores are
// allowed. nullopt: not a number (or, for int, not one of 64 bits).
std::optional<std::int64_t> parse_int(std::string_view text, int base);
std::optional<double> parse_float(std::string_view text);

// round(value, digits) to the nearest, ties to even, exactly as the decimal expansion says.
double round_half_even(double value, int digits);

}  // namespace parapet::jinja
