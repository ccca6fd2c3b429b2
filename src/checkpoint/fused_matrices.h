// Matrices of a layer that have the same input, and are multiplied with it as one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parapet {

// Of the matrix of this published name, all that it is fused with, itself among them, in the order
// of the model: q, k and v; gate and up. Any other stands alone.
std::vector<std::string> fused_matrices(std::string_view name);

}  // namespace parapet
