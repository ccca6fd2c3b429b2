#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/backends.h"
#include "api/boundary.h"
#include "api/stopwatch.h"
#include "base/check.h"
#include "base/refusal.h"
#include "bench/kernel_case.h"
#include "bench/machine_peaks.h"
#include "bench/statistics.h"
#include "checkpoint/shapes.h"
#include "parapet/bench.h"

namespace parapet {
namespace {

constexpr double kRoundSeconds = 0.03;      // of calls between two bursts, at least
constexpr std::int64_t kMaxCalls = 10'000;  // in a round
constexpr std::int64_t kVerdictContext = 360;

// Where the two limits are this close, either may turn out to be the one: both are measured again.
constexpr double kNearlyEqual = 2;

class KernelBenchRun {
 public:
  KernelBenchRun(const KernelBenchOptions& options, const ModelConfig& config, DType kv_dtype,
                 Device& device, const PeakMeter& meter)
      : options_(options), config_(config), kv_dtype_(kv_dtype), device_(device), meter_(meter) {}

  Result<KernelBench> run(const std::vector<MatrixFormat>& formats) {
    bench_.device = device_.info().name;
    bench_.isa = device_.info().isa;
    bench_.instructions = meter_.instructions();
    const std::vector<LinearKernel> linears = linear_kernels(config_);
    const auto attentions = attention_cases();
    total_ = static_cast<std::int64_t>(formats.size() * linears.size() * options_.rows.size() +
                                       options_.rows.size() + attentions.size()) +
             1;
    measure_peaks();
    PARAPET_ASSIGN(stream_, device_.create_stream());
    for (const MatrixFormat& format : formats) {
      for (const LinearKernel& kernel : linears) PARAPET_TRY(measure_linear(kernel, format));
    }
    for (const auto& make_case : attentions) {
      PARAPET_ASSIGN(const auto kernel, make_case());
      PARAPET_TRY(measure(*kernel));
    }
    for (const std::int64_t rows : options_.rows) {
      PARAPET_ASSIGN(const auto kernel, rest_case(device_, config_, kv_dtype_, rows));
      PARAPET_TRY(measure(*kernel));
    }
    return std::move(bench_);
  }

 private:
  using MakeCase = std::function<Result<std::unique_ptr<KernelCase>>()>;

  std::vector<MakeCase> attention_cases() {
    std::vector<MakeCase> cases;
    for (const std::int64_t context : {kVerdictContext, std::int64_t{4096}, std::int64_t{32768}}) {
      if (context > options_.max_context) continue;
      cases.emplace_back([this, context] {
        return decode_attention_case(device_, config_, kv_dtype_, 1, context);
      });
      cases.emplace_back([this, context] {
        return prefill_attention_case(device_, config_, kv_dtype_, 160, context);
      });
    }
    if (kVerdictContext <= options_.max_context) {
      cases.emplace_back([this] {
        return decode_attention_case(device_, config_, kv_dtype_, 16, kVerdictContext);
      });
      cases.emplace_back(
          [this] { return tree_attention_case(device_, config_, kv_dtype_, kVerdictContext); });
    }
    return cases;
  }

  // Of 1, 2, 4, ... threads, and of all.
  void measure_peaks() {
    for (int threads = 1; threads < meter_.num_threads(); threads *= 2) {
      bench_.per_thread_count.push_back(meter_.measure_all(threads));
    }
    bench_.per_thread_count.push_back(meter_.measure_all(meter_.num_threads()));
    tell_progress();
  }

  Status measure_linear(const LinearKernel& kernel, const MatrixFormat& format) {
    PARAPET_ASSIGN(RandomMatrices matrices,
                   RandomMatrices::make(device_, format, kernel.in, kernel.outs));
    for (const std::int64_t rows : options_.rows) {
      PARAPET_TRY(measure(*linear_case(device_, kernel, format, matrices, rows)));
    }
    return {};
  }

  // The peaks as they are now, as far as they bound this kernel.
  MachinePeaks refreshed(const KernelCost& cost) const {
    MachinePeaks peaks = bench_.peaks();
    const double compute = cost.compute_seconds(peaks);
    const double read = cost.read_seconds(peaks);
    if (read * kNearlyEqual > compute) peaks.of(Peak::kRead) = meter_.measure(Peak::kRead);
    if (compute * kNearlyEqual > read) peaks.of(cost.compute) = meter_.measure(cost.compute);
    return peaks;
  }

  Result<double> seconds_of(KernelCase& kernel, std::int64_t calls) {
    const Stopwatch watch;
    for (std::int64_t i = 0; i < calls; ++i) kernel.run(*stream_);
    PARAPET_TRY(stream_->synchronize());
    return watch.milliseconds() / 1000 / static_cast<double>(calls);
  }

  Status measure(KernelCase& kernel) {
    PARAPET_ASSIGN(const double first, seconds_of(kernel, 1));
    const std::int64_t calls = std::clamp(static_cast<std::int64_t>(kRoundSeconds / first) + 1,
                                          std::int64_t{1}, kMaxCalls);
    std::vector<double> seconds;
    std::vector<double> ratios;
    const KernelCost& cost = kernel.cost();
    double before = cost.limit_seconds(refreshed(cost));
    for (int round = 0; round < options_.rounds; ++round) {
      PARAPET_ASSIGN(const double measured, seconds_of(kernel, calls));
      const double after = cost.limit_seconds(refreshed(cost));
      seconds.push_back(measured);
      ratios.push_back((before + after) / 2 / measured);
      before = after;
    }
    const double typical = median(seconds);
    const KernelCase::Label& label = kernel.label();
    bench_.kernels.push_back({.name = label.name,
                              .format = label.format,
                              .rows = label.rows,
                              .context = label.context,
                              .seconds = typical,
                              .gops = 1e-9 * cost.ops / typical,
                              .gb_s = 1e-9 * cost.bytes / typical,
                              .bound_by = cost.bound_by(bench_.peaks()),
                              .of_limit = median(ratios)});
    tell_progress();
    return {};
  }

  void tell_progress() {
    ++done_;
    if (options_.on_progress) {
      options_.on_progress("measuring kernels", static_cast<std::uint64_t>(done_),
                           static_cast<std::uint64_t>(total_));
    }
  }

  const KernelBenchOptions& options_;
  const ModelConfig& config_;
  DType kv_dtype_;
  Device& device_;
  const PeakMeter& meter_;
  std::unique_ptr<Stream> stream_;
  KernelBench bench_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

Result<DType> kv_dtype_of(const KernelBenchOptions& options) {
  const auto dtype = dtype_from_name(options.kv_cache_dtype);
  if (dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kI8) return *dtype;
  return refused("kv_cache_dtype", "'" + options.kv_cache_dtype + "'",
                 "'float32', 'bfloat16' or 'int8'");
}

Result<std::vector<MatrixFormat>> check(const KernelBenchOptions& options) {
  PARAPET_TRY(check_range("rounds", options.rounds, 1, 1 << 20));
  PARAPET_TRY(check_range("max_context", options.max_context, 0, 1 << 20));
  for (const std::int64_t rows : options.rows) PARAPET_TRY(check_range("rows", rows, 1, 4096));
  std::vector<MatrixFormat> formats;
  for (const std::string& name : options.formats) {
    PARAPET_ASSIGN(const MatrixFormat format, matrix_format(name));
    formats.push_back(format);
  }
  return formats;
}

Result<KernelBench> run(const KernelBenchOptions& options) {
  PARAPET_ASSIGN(const std::vector<MatrixFormat> formats, check(options));
  PARAPET_ASSIGN(const DType kv_dtype, kv_dtype_of(options));
  PARAPET_ASSIGN(const ModelConfig config, config_of_shape(options.shape));
  PARAPET_ASSIGN(const auto device, create_device(options.device, options.num_threads));
  PARAPET_ASSIGN(const PeakMeter meter,
                 PeakMeter::create(device->info().isa, device->info().num_threads));
  return KernelBenchRun(options, config, kv_dtype, *device, meter).run(formats);
}

}  // namespace

Result<KernelBench> bench_kernels(const KernelBenchOptions& options) {
  return guarded([&] { return run(options); });
}

}  // namespace parapet
