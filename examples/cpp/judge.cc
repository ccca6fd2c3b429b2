// Is this prompt safe? Exit status 0 if it may pass, 3 if not, 1 if nobody can say.
//
//   judge MODEL_FOLDER PROMPT
#include <parapet/guard.h>

#include <iostream>

namespace {

int fail(const parapet::Error& error) {
  std::cerr << error.message << '\n';
  return 1;
}

int judge(const char* model, const char* prompt) {
  parapet::ModelOptions options;
  options.model = model;
  auto guard = parapet::Guard::load(options);
  if (!guard) return fail(guard.error());

  const parapet::Conversation conversation = {{"user", prompt}};
  const parapet::Result<parapet::Verdict> verdict = guard->judge({conversation}).front();
  if (!verdict) return fail(verdict.error());
  if (!verdict->safety) return fail(*verdict->error);

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
