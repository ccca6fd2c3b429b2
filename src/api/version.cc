#include "parapet/types.h"

namespace parapet {

const char* version() { return PARAPET_VERSION; }

}  // namespace parapet
