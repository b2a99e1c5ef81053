// parts.h - the same work on parts of a batch, each by one thread of fovea's own pool.
//
// oneDNN of Debian brings OpenMP's threads, which spin for milliseconds after each primitive and
// then fight the pool's threads for the cores. So a batch is cut into as many parts as the pool has
// threads, and each part has primitives for one thread, which start no OpenMP team at all. Only a
// batch with fewer rows than threads runs whole, on OpenMP's threads.
#pragma once

#include <fovea/kernels/cpu/onednn/program.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea::onednn {

/// Gives this thread's OpenMP regions `threads` threads, until the end of the scope.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// How `count` rows are cut. Depends on count and the pool's number of threads alone.
class Split {
 public:
  explicit Split(std::int64_t count);

  int parts() const { return parts_; }
  /// OpenMP threads for the primitives of a part.
  int threads_inside() const { return threads_inside_; }
  std::int64_t first(int part) const { return count_ * part / parts_; }
  std::int64_t size(int part) const { return first(part + 1) - first(part); }
  /// Rows of the longest part: what can_run() asks for.
  std::int64_t longest() const { return size(parts_ - 1); }

 private:
  std::int64_t count_;
  int parts_ = 1, threads_inside_ = 1;
};

/// Programs that run side by side, and sums of what they leave.
class PartedProgram {
 public:
  explicit PartedProgram(const Split& split) : split_{split} {}

  /// The next part's program.
  void add(Program program) { parts_.push_back(std::move(program)); }
  /// Appends, after all parts: external `into`, of type `type` (with `accumulate`: added to),
  /// becomes the sum of slot `of`, floats, over the parts, in their order; `count` of them.
  void sum(std::size_t into, memory::data_type type, Program::Slot of, std::int64_t count,
           bool accumulate);

  std::size_t workspace_bytes() const;
  void bind(std::span<void* const> externals, void* workspace);
  void run() const;

 private:
  struct Sum {
    std::size_t external = 0;
    Program::Slot slot = 0;
    std::int64_t count = 0;
    bool accumulate = false;
    Elements into;                    // its address is set by bind(), as are the terms
    std::vector<const float*> terms;  // one a part
  };

  Split split_;
  std::vector<Program> parts_;
  std::vector<Sum> sums_;
};

}  // namespace fovea::onednn
