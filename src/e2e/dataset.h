// Conversations with labels: JSON lines.
#pragma once

#include <filesystem>
#include <vector>

#include "e2e/config.h"
#include "e2e/scores.h"
#include "parapet/error.h"
#include "parapet/types.h"

namespace parapet {

struct Dataset {
  std::vector<Conversation> conversations;
  std::vector<GuardLabels> labels;  // as long
};

// `limit` as in E2eConfig. kNotFound without the file; kInvalidArgument names line and field.
Result<Dataset> read_dataset(const std::filesystem::path& file, const DatasetColumns& columns,
                             double limit);

}  // namespace parapet
