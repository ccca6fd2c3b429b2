// Prints answers while they are written, and gives up on one that takes too long.
//
//   stream MODEL_FOLDER PROMPT
#include <parapet/llm.h>

#include <chrono>
#include <future>
#include <iostream>
#include <memory>
#include <utility>

namespace {

using Answer = parapet::Result<parapet::RequestOutput>;
using namespace std::chrono_literals;

Answer ask(parapet::LLM& llm, const char* question, const parapet::SamplingParams& params,
           std::chrono::milliseconds patience) {
  // Shared: the engine's thread may still be inside set_value when this function returns.
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  const parapet::RequestHandle request = llm.chat_async(
      {{"user", question}}, params,
      [](const parapet::OutputDelta& delta) { std::cout << delta.text << std::flush; },
      [promise](Answer whole) { promise->set_value(std::move(whole)); });
  if (answer.wait_for(patience) == std::future_status::timeout) request.cancel();
  return answer.get();
}

int fail(const parapet::Error& error) {
  std::cerr << error.message << '\n';
  return 1;
}

int stream(const char* model, const char* question) {
  parapet::ModelOptions options;
  options.model = model;
  auto llm = parapet::LLM::load(options);
  if (!llm) return fail(llm.error());

  parapet::SamplingParams params;
  params.max_tokens = 64;
  const Answer whole = ask(*llm, question, params, 60s);
  if (!whole) return fail(whole.error());
  std::cout << "\n[" << whole->outputs[0].finish_reason << " after "
            << whole->usage.completion_tokens << " tokens]\n";

  params.max_tokens = 1'000'000;
  params.ignore_eos = true;  // it would go on until the model's positions are used up
  const Answer endless = ask(*llm, question, params, 100ms);
  std::cout << "\n[" << (endless ? "not cancelled" : to_string(endless.error().code)) << "]\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) return stream(argv[1], argv[2]);
  std::cerr << "usage: stream MODEL_FOLDER PROMPT\n";
  return 1;
}
