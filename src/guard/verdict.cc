#include "guard/taxonomy.h"
#include "parapet/guard.h"

namespace parapet {

const char* to_string(Safety safety) {
  switch (safety) {
    case Safety::kSafe: return "Safe";
    case Safety::kControversial: return "Controversial";
    case Safety::kUnsafe: return "Unsafe";
  }
  return "Unsafe";
}

bool is_blocked(const Verdict& verdict, Policy policy) {
  if (!verdict.safety) return true;
  switch (*verdict.safety) {
    case Safety::kSafe: return false;
    case Safety::kControversial: return policy == Policy::kStrict;
    case Safety::kUnsafe: return true;
  }
  return true;
}

}  // namespace parapet
