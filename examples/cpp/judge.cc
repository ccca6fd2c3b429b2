// Is this prompt safe? Exit status 0 if it may pass, 3 if not, 1 if nobody can say.
//
//   judge MODEL_FOLDER PROMPT
#include <parapet/guard.h>

#include <iostream>

namespace {

int judge(const char* model, const char* prompt) {
  parapet::ModelOptions options;
  options.model = model;
  auto guard = parapet::Guard::load(options);
  if (!guard) return std::cerr << guard.error().message << '\n', 1;

  const parapet::Conversation conversation = {{"user", prompt}};
  const parapet::Result<parapet::Verdict> verdict = guard->judge({conversation}).front();
  if (!verdict) return std::cerr << verdict.error().message << '\n', 1;
  if (!verdict->safety) return std::cerr << verdict->error->message << '\n', 1;

  std::cout << to_string(*verdict->safety) << '\n';
  for (const std::string& category : verdict->categories) std::cout << "- " << category << '\n';
  return is_blocked(*verdict, parapet::Policy::kStrict) ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) return judge(argv[1], argv[2]);
  std::cerr << "usage: judge MODEL_FOLDER PROMPT\n";
  return 1;
}
