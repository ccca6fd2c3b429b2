#include "interruption.h"

namespace parapet::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // all that a signal handler may touch

}  // namespace

Interruption::Interruption() {
  interrupted = 0;
  struct sigaction mark = {};
  mark.sa_handler = [](int) { interrupted = 1; };
  ::sigemptyset(&mark.sa_mask);
  mark.sa_flags = static_cast<int>(SA_RESETHAND);  // a second Ctrl-C ends the program at once
  ::sigaction(SIGINT, &mark, &before_);
}

Interruption::~Interruption() {
  ::sigaction(SIGINT, &before_, nullptr);
  if (came()) std::raise(SIGINT);
}

bool Interruption::came() const { return interrupted != 0; }

}  // namespace parapet::cli
