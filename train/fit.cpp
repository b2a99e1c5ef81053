#include <fovea/core/error.h>
#include <fovea/train/fit.h>

namespace fovea {

void require_fit(const Model& model, const Dataset& data) {
  const bool mse = model.recipe().train.loss == "mse";
  const int outputs = mse ? data.target_size() : data.classes();
  if (outputs == model.outputs()) return;
  throw InvalidArgument("the model has " + std::to_string(model.outputs()) +
                        (mse ? " outputs, the data targets of " : " classes, the data ") +
                        std::to_string(outputs) + "; Model::with_classes() fits one to the other");
}

}  // namespace fovea
