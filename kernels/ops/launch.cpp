#include <fovea/kernels/ops/launch.h>

namespace fovea {

std::string objection(std::size_t workspace_bytes, bool deterministic, const Limits& limits) {
  if (limits.deterministic && !deterministic) return "its bits may differ from run to run";
  if (workspace_bytes <= limits.workspace_bytes) return "";
  return "needs " + std::to_string(workspace_bytes) + " bytes of workspace, the limit is " +
         std::to_string(limits.workspace_bytes);
}

void require_operands(std::string_view op, std::size_t wanted, std::size_t given) {
  if (wanted == given) return;
  throw InvalidArgument(std::string(op) + " takes " + std::to_string(wanted) + " operands, not " +
                        std::to_string(given));
}

}  // namespace fovea
