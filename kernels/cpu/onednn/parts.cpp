#include <fovea/core/thread_pool.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/parts.h>
#include <omp.h>

#include <algorithm>

namespace fovea::onednn {
namespace {

constexpr std::int64_t kGrain = 16384;  // floats worth a thread of their own

}  // namespace

ThreadScope::ThreadScope(int threads) : before_{omp_get_max_threads()} {
  if (threads != before_) omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  if (omp_get_max_threads() != before_) omp_set_num_threads(before_);
}

Split::Split(std::int64_t count) : count_{count} {
  const int threads = ThreadPool::shared().threads();
  if (count >= threads) {
    parts_ = threads;
  } else {
    threads_inside_ = threads;
  }
}

void PartedProgram::sum(std::size_t into, Program::Slot of, std::int64_t count, bool accumulate) {
  sums_.push_back({into, of, count, accumulate, nullptr, {}});
}

std::size_t PartedProgram::workspace_bytes() const {
  std::size_t bytes = 0;
  for (const Program& p : parts_) bytes += p.workspace_bytes();
  return bytes;
}

void PartedProgram::bind(std::span<void* const> externals, void* workspace) {
  auto* base = static_cast<std::byte*>(workspace);
  for (Program& p : parts_) {
    p.bind(externals, base);
    base += p.workspace_bytes();
  }
  for (Sum& s : sums_) {
    s.into = static_cast<float*>(externals[s.external]);
    s.terms.clear();
    for (const Program& p : parts_) s.terms.push_back(p.address(s.slot));
  }
}

void PartedProgram::run() const {
  parallel(split_.parts(), 1, [this](std::int64_t begin, std::int64_t end) {
    const ThreadScope scope(split_.threads_inside());
    for (std::int64_t i = begin; i < end; ++i) parts_[static_cast<std::size_t>(i)].run();
  });
  for (const Sum& s : sums_) {
    parallel(s.count, kGrain, [&s](std::int64_t begin, std::int64_t end) { run(s, begin, end); });
  }
}

void PartedProgram::run(const Sum& s, std::int64_t begin, std::int64_t end) {
  float* const into = s.into;
  for (std::size_t t = 0; t < s.terms.size(); ++t) {
    const float* const term = s.terms[t];
    if (t == 0 && !s.accumulate) {
      std::copy(term + begin, term + end, into + begin);
    } else {
      for (std::int64_t i = begin; i < end; ++i) into[i] += term[i];
    }
  }
}

}  // namespace fovea::onednn
