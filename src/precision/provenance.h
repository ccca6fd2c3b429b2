// What a report says of the machine it was made on and of the checkpoint it is about.
#pragma once

#include <filesystem>
#include <string>

#include "parapet/error.h"
#include "parapet/precision.h"

namespace parapet {

// What the kernel tells; a word that it does not tell is empty.
PrecisionMachine this_machine();

// "2026-11-25T15:30:00Z"
std::string utc_now();

// The SHA-256, in hexadecimal, of what `sha256sum config.json *.safetensors` prints in the folder:
// a line a file, in the order of their names. Reads all of it.
Result<std::string> checkpoint_sha256(const std::filesystem::path& folder,
                                      const ProgressCallback& on_progress);

}  // namespace parapet
