// fake_cudnn.h - a cuDNN of tests: keeps what it is told, complains of what the real one would
// refuse, proposes the engines that a test sets, and computes on the host from the descriptors
// alone, by cuDNN's documentation. One at a time.
#pragma once

#include <fovea/kernels/cudnn/cudnn_api.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea::test {

/// An engine configuration that the fake's heuristics propose.
struct FakeEngine {
  std::int64_t engine = 0;
  std::vector<std::pair<int, std::int64_t>> knobs = {};
  std::vector<cudnnBackendNumericalNote_t> notes = {};
  std::int64_t workspace = 0;
};

/// A failure to answer with.
struct FakeFailure {
  std::string function;          // "cudnnBackendFinalize"
  std::optional<int> type = {};  // of the descriptor; empty: any
  cudnnStatus_t status = CUDNN_STATUS_INTERNAL_ERROR;
  std::string words = {};
};

/// What the fake is to do, and what was done with it.
struct FakeCudnn {
  std::map<cudnnBackendHeurMode_t, std::vector<FakeEngine>> proposals = {
      {CUDNN_HEUR_MODE_A, {{.engine = 1}}}};
  std::optional<FakeFailure> failure;

  int handles = 0;      // alive
  int descriptors = 0;  // alive, of either library
  int opened = 0;       // times that the table was asked for
  int executions = 0;
  int questions = 0;                    // to heuristics
  FakeEngine ran;                       // the engine of the last execution
  std::vector<std::string> complaints;  // misuse
};

/// The state of the fake; `fake_cudnn() = {}` starts afresh.
FakeCudnn& fake_cudnn();
/// Its functions.
cudnn::CudnnApi fake_cudnn_api();

namespace fake {

/// The failure that a test asked for, or success.
cudnnStatus_t outcome(const char* function, std::optional<int> type = {});
/// Notes misuse and refuses.
cudnnStatus_t complain(const std::string& what);

/// Fill their part of the table.
void add_graph_functions(cudnn::CudnnApi& api);
void add_ops_functions(cudnn::CudnnApi& api);

}  // namespace fake
}  // namespace fovea::test
