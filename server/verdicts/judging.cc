#include "server/verdicts/judging.h"

#include <atomic>
#include <utility>

#include "server/http/request_id.h"

namespace parapet::server {
namespace {

JudgedKind kind_of(const Conversation& conversation) {
  return !conversation.empty() && conversation.back().role == "assistant" ? JudgedKind::kResponse
                                                                          : JudgedKind::kPrompt;
}

Metrics::Finished finished_of(const Verdict& verdict) {
  Metrics::Finished finished{verdict.usage, verdict.timing};
  finished.longest = verdict.usage.completion_tokens;
  return finished;
}

class Judging : public std::enable_shared_from_this<Judging> {
 public:
  Judging(Service& service, std::shared_ptr<Exchange> exchange, JudgeJob job,
          Admission::Ticket ticket)
      : service_(service),
        exchange_(std::move(exchange)),
        job_(std::move(job)),
        ticket_(std::move(ticket)),
        time_(std::chrono::system_clock::now()),
        judged_(job_.items.size()),
        remaining_(job_.items.size()) {}

  void submit() {
    std::vector<RequestHandle> handles;
    for (std::size_t i = 0; i < job_.items.size(); ++i) {
      judged_[i].id = job_.id + "-" + std::to_string(i);
      if (const auto* error = std::get_if<ApiError>(&job_.items[i])) {
        fail(i, "Error", *error);
        continue;
      }
      const auto& conversation = std::get<Conversation>(job_.items[i]);
      judged_[i].kind = kind_of(conversation);
      handles.push_back(service_.guard->judge_async(
          conversation, job_.options, [self = shared_from_this(), i](Result<Verdict> verdict) {
            self->take(i, std::move(verdict));
          }));
    }
    cancel_when_over(*exchange_, job_.deadline, std::move(handles),
                     [self = shared_from_this()] { self->timed_out_ = true; });
  }

  // All at once: there was no room for them.
  void flag_all(const ApiError& error) {
    for (std::size_t i = 0; i < job_.items.size(); ++i) {
      judged_[i].id = job_.id + "-" + std::to_string(i);
      if (const auto* own = std::get_if<ApiError>(&job_.items[i])) {
        fail(i, "Error", *own);
      } else {
        judged_[i].kind = kind_of(std::get<Conversation>(job_.items[i]));
        fail(i, kUnavailable, error);
      }
    }
  }

 private:
  // On the engine's thread, or the submitter's.
  void take(std::size_t index, Result<Verdict> verdict) {
    if (!verdict) {
      service_.broken = verdict.error().code == ErrorCode::kInternal;
      const bool cancelled = verdict.error().code == ErrorCode::kCancelled;
      const bool late = timed_out_ && cancelled;
      const bool flagged = late && service_.options.on_overload == OnOverload::kFlag;
      service_.metrics.count_unanswered(cancelled ? "abort" : "error");
      if (cancelled) Admission::give_up(ticket_);
      return fail(index, flagged ? kUnavailable : "Error",
                  late ? deadline_error() : api_error(verdict.error()));
    }
    service_.broken = false;
    Judged& judged = judged_[index];
    if (verdict->safety) {
      judged.label = to_string(*verdict->safety);
    } else {
      judged.label = "Error";
      judged.error = api_error(*verdict->error);
      judged.error->code = "no_verdict";
    }
    judged.verdict = std::move(*verdict);
    write_down(index);
  }

  void fail(std::size_t index, std::string label, ApiError error) {
    judged_[index].label = std::move(label);
    judged_[index].error = std::move(error);
    write_down(index);
  }

  void write_down(std::size_t index) {
    Judged& judged = judged_[index];
    const std::chrono::duration<double, std::milli> latency =
        std::chrono::steady_clock::now() - exchange_->request().arrived;
    judged.latency_ms = latency.count();
    const bool was_read = std::holds_alternative<Conversation>(job_.items[index]);
    if (service_.sink == nullptr || !job_.record || !was_read) return done();
    service_.sink->record(record_of(index), [self = shared_from_this(), index](Status durable) {
      if (!durable) self->lose(index, durable.error());
      self->done();
    });
  }

  VerdictRecord record_of(std::size_t index) const {
    const Judged& judged = judged_[index];
    VerdictRecord record;
    record.time = time_;
    record.request_id = judged.id;
    record.model = service_.model_name();
    record.policy_hash = service_.policy_hash;
    const auto& conversation = std::get<Conversation>(job_.items[index]);
    if (!conversation.empty()) record.text = conversation.back().content;
    record.kind = judged.kind;
    record.label = judged.label;
    record.latency_ms = judged.latency_ms;
    if (judged.verdict) {
      record.categories = judged.verdict->categories;
      record.refusal = judged.verdict->refusal;
      record.probabilities = judged.verdict->probabilities;
      record.error = judged.verdict->error;
    } else if (judged.error) {
      record.error = Error{ErrorCode::kCancelled, judged.error->message};
    }
    return record;
  }

  // A verdict that could not be written down is not given.
  void lose(std::size_t index, const Error& error) {
    service_.log.error("audit log: " + error.message);
    Judged& judged = judged_[index];
    if (const auto& verdict = judged.verdict) {
      service_.metrics.count_request(finished_of(*verdict));
    }
    judged.verdict.reset();
    judged.label = "Error";
    judged.error = ApiError{503, "the verdict could not be written to the audit log",
                            error_type(503), "", "audit_log"};
  }

  void done() {
    if (remaining_.fetch_sub(1) > 1) return;
    ticket_.reset();
    exchange_->post([self = shared_from_this()] {
      self->job_.on_done(self->judged_);
      for (const Judged& judged : self->judged_) self->count(judged);
    });
  }

  // The answer does not wait for the books.
  void count(const Judged& judged) {
    const Verdict* verdict = judged.verdict ? &*judged.verdict : nullptr;
    if (verdict != nullptr) service_.metrics.count_request(finished_of(*verdict));
    if (job_.record) service_.metrics.count_verdict(judged.label, verdict, judged.latency_ms);
  }

  Service& service_;
  std::shared_ptr<Exchange> exchange_;
  JudgeJob job_;
  Admission::Ticket ticket_;
  std::chrono::system_clock::time_point time_;
  std::vector<Judged> judged_;  // each written by one thread at a time, done() last
  std::atomic<std::size_t> remaining_;
  std::atomic<bool> timed_out_ = false;
};

}  // namespace

std::string verdicts_id(const Request& request) {
  if (request.header("x-request-id").empty()) return "verd-" + request.id;
  return "verd-" + request.id + "." + unique_id();
}

bool is_blocked(const Judged& judged, Policy policy) {
  return !judged.verdict || is_blocked(*judged.verdict, policy);
}

void judge(Service& service, const std::shared_ptr<Exchange>& exchange, JudgeJob job) {
  if (!service.guard) {
    return job.on_failed(
        {.message = "the model gives no verdicts: " + service.no_guard, .code = "no_guard"});
  }
  const auto count = static_cast<std::int64_t>(job.items.size());
  auto admitted = admit(service, count, job.deadline);
  const auto* refusal = std::get_if<ApiError>(&admitted);
  if (refusal != nullptr && service.options.on_overload == OnOverload::kRefuse) {
    return job.on_failed(*refusal);
  }
  auto ticket = refusal != nullptr ? nullptr : std::get<Admission::Ticket>(std::move(admitted));
  const auto judging =
      std::make_shared<Judging>(service, exchange, std::move(job), std::move(ticket));
  if (refusal != nullptr) return judging->flag_all(*refusal);
  judging->submit();
}

}  // namespace parapet::server
