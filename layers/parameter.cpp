#include <fovea/layers/parameter.h>

namespace fovea {

ParameterLayout::ParameterLayout(const std::vector<ParameterSpec>& parameters)
    : segments_(parameters.size()) {
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const ParameterSpec& p = parameters[i];
    segments_[i] = {.offset = count_,
                    .length = p.shape.elements(),
                    .rate = p.rate,
                    .decay = p.decay,
                    .frozen = p.frozen ? 1 : 0,
                    .bf16_gradient = p.read_in_bf16 ? 1 : 0};
    count_ +=
        (p.shape.elements() + kParameterAlignment - 1) / kParameterAlignment * kParameterAlignment;
  }
}

}  // namespace fovea
