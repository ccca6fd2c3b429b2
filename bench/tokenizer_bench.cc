// Times loading and encoding for bench/tokenizer.py, which has the other tokenizers beside it.
//
//   tokenizer_bench DIRECTORY
//
// answers lines of its standard input until that ends: "load" loads DIRECTORY/tokenizer.json once
// more, any other line names a file to encode. Each answer is one line: seconds, and tokens.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "text/tokenizer.h"

namespace {

template <class Work>
double seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run(const char* directory) {
  auto tokenizer = parapet::Tokenizer::load(directory);
  if (!tokenizer) {
    std::cerr << tokenizer.error().message << '\n';
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::size_t tokens = 0;
    double elapsed = 0;
    if (line == "load") {
      elapsed = seconds([&] { tokenizer = parapet::Tokenizer::load(directory); });
    } else {
      std::ifstream file(line, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      elapsed =
          seconds([&] { tokens = tokenizer->encode(text, parapet::Origin::kTemplate).size(); });
    }
    std::printf("%.9f %zu\n", elapsed, tokens);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenizer_bench DIRECTORY_OF_TOKENIZER_JSON\n";
    return 2;
  }
  return run(argv[1]);
}
