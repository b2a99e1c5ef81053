#include <fovea/core/thread_pool.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/loops.h>
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

void PartedProgram::sum(std::size_t into, memory::data_type type, Program::Slot of,
                        std::int64_t count, bool accumulate) {
  sums_.push_back({into, of, count, accumulate, {nullptr, type}, {}});
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
    s.into.data = externals[s.external];
    s.terms.clear();
    for (const Program& p : parts_) {
      s.terms.push_back(static_cast<const float*>(p.at(s.slot).data));
    }
  }
}

void PartedProgram::run() const {
  parallel(split_.parts(), 1, [this](std::int64_t begin, std::int64_t end) {
    const ThreadScope scope(split_.threads_inside());
    for (std::int64_t i = begin; i < end; ++i) parts_[static_cast<std::size_t>(i)].run();
  });
  for (const Sum& s : sums_) {
    parallel(s.count, kGrain, [&s](std::int64_t begin, std::int64_t end) {
      add_up(s.terms, begin, end, s.accumulate, s.into);
    });
  }
}

}  // namespace fovea::onednn
