// fovea.h - the whole public library in one include: train and judge convolutional nets, label
// pictures. docs/embedding.md shows how to link it.
#pragma once

#include <fovea/core/device.h>
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/memory_resource.h>
#include <fovea/core/philox.h>
#include <fovea/core/resource_adaptors.h>
#include <fovea/core/tensor.h>
#include <fovea/core/thread_pool.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/dataset.h>
#include <fovea/data/decode.h>
#include <fovea/data/image.h>
#include <fovea/data/memory_dataset.h>
#include <fovea/data/open.h>
#include <fovea/data/subset.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/conv2d.h>
#include <fovea/layers/graph.h>
#include <fovea/layers/layer.h>
#include <fovea/layers/linear.h>
#include <fovea/layers/plan.h>
#include <fovea/layers/recipe.h>
#include <fovea/layers/simple_layers.h>
#include <fovea/train/check_gradients.h>
#include <fovea/train/evaluation.h>
#include <fovea/train/executor.h>
#include <fovea/train/features.h>
#include <fovea/train/host.h>
#include <fovea/train/model.h>
#include <fovea/train/predictor.h>
#include <fovea/train/run.h>
#include <fovea/train/speed.h>
#include <fovea/train/statistics.h>
#include <fovea/train/trainer.h>
