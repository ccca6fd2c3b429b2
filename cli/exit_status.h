// What the process answers to its caller; docs and --help list the same numbers.
#pragma once

#include "parapet/error.h"

namespace parapet::cli {

enum ExitStatus : int {
  kExitSafe = 0,       // everything asked for was done; every verdict passes the policy
  kExitFailed = 1,     // an evaluation missed its thresholds
  kExitBadInput = 2,   // arguments, a checkpoint, a template or a request is wrong
  kExitBlocked = 3,    // at least one verdict is blocked by the policy
  kExitNoVerdict = 4,  // the model answered, but not with a verdict
  kExitOurFault = 5,   // out of memory, or a bug
};

inline ExitStatus exit_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInternal:
    case ErrorCode::kResourceExhausted: return kExitOurFault;
    case ErrorCode::kMalformedOutput: return kExitNoVerdict;
    default: return kExitBadInput;
  }
}

// Of many answers the gravest counts: a fault, then bad input, then no verdict, then blocked.
inline ExitStatus graver(ExitStatus a, ExitStatus b) {
  const auto rank = [](ExitStatus status) {
    switch (status) {
      case kExitSafe: return 0;
      case kExitFailed: return 1;
      case kExitBlocked: return 2;
      case kExitNoVerdict: return 3;
      case kExitBadInput: return 4;
      case kExitOurFault: return 5;
    }
    return 5;
  };
  return rank(a) >= rank(b) ? a : b;
}

}  // namespace parapet::cli
