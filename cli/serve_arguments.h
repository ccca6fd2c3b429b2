// Where arguments of `parapet serve` come from beside its command line: a YAML file, vLLM's
// spelling.
#pragma once

#include <string>
#include <vector>

#include "parapet/error.h"

namespace parapet::cli {

// `arguments` are those behind the program's name. Those of other commands are left as they are.
// "--max_model_len" and "-tp" become "--max-model-len" and "--tensor-parallel-size"; "--config
// FILE" becomes the flags that the file lists, but for those that are on the command line or in the
// environment already.
Result<std::vector<std::string>> expand_arguments(std::vector<std::string> arguments);

}  // namespace parapet::cli
