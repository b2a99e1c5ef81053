// api.h - the one place that knows which oneDNN this is. API v2 (2.x) makes a primitive descriptor
// from an operation descriptor, API v3 (3.x) from the arguments themselves; the functions here take
// the arguments and give the primitive descriptor in both.
#pragma once

#include <fovea/core/dtype.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <cstddef>

namespace fovea::onednn {

using dnnl::memory;

/// A forward (or hint-free) primitive descriptor of `Primitive` from its operation's arguments.
/// Throws dnnl::error where oneDNN has no implementation.
template <class Primitive, class... A>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const dnnl::primitive_attr& attr, const A&... a) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine, a..., attr);
#else
  const typename Primitive::desc operation(a...);
  return typename Primitive::primitive_desc(operation, attr, engine);
#endif
}

/// As describe(), for a backward primitive with its forward's descriptor as `hint`.
template <class Primitive, class Hint, class... A>
typename Primitive::primitive_desc describe_backward(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attr,
                                                     const Hint& hint, const A&... a) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine, a..., hint, attr);
#else
  const typename Primitive::desc operation(a...);
  return typename Primitive::primitive_desc(operation, attr, engine, hint);
#endif
}

/// As describe(), passing over implementations for which `unwanted(name)` holds, unless all are
/// unwanted. The walk must end before the operation's descriptor dies: 2.x keeps a pointer to it.
template <class Primitive, class Unwanted, class... A>
typename Primitive::primitive_desc describe_wanted(const dnnl::engine& engine,
                                                   const dnnl::primitive_attr& attr,
                                                   const Unwanted& unwanted, const A&... a) {
#if DNNL_VERSION_MAJOR >= 3
  typename Primitive::primitive_desc pd(engine, a..., attr);
  while (unwanted(pd.impl_info_str())) {
    if (!pd.next_impl()) return typename Primitive::primitive_desc(engine, a..., attr);
  }
#else
  const typename Primitive::desc operation(a...);
  typename Primitive::primitive_desc pd(operation, attr, engine);
  while (unwanted(pd.impl_info_str())) {
    if (!pd.next_impl()) return typename Primitive::primitive_desc(operation, attr, engine);
  }
#endif
  return pd;
}

inline memory::data_type type_of(const memory::desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  return desc.get_data_type();
#else
  return desc.data_type();
#endif
}

inline std::size_t element_bytes(const memory::desc& desc) {
  return memory::data_type_size(type_of(desc));
}

/// A tensor in memory.
struct Elements {
  void* data = nullptr;
  memory::data_type type = memory::data_type::f32;
};

/// Of activations, and of weights as they are read, in a math mode.
inline memory::data_type type_of(Math math) {
  return math == Math::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm kind) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(kind, 0.0F, 0.0F);
#else
  ops.append_eltwise(1.0F, kind, 0.0F, 0.0F);
#endif
}

inline dnnl::pooling_forward::primitive_desc describe_pooling(
    const dnnl::engine& engine, const dnnl::primitive_attr& attr, dnnl::algorithm kind,
    const memory::desc& src, const memory::desc& dst, const memory::dims& stride,
    const memory::dims& window, const memory::dims& begin, const memory::dims& end) {
#if DNNL_VERSION_MAJOR >= 3
  return describe<dnnl::pooling_forward>(engine, attr, dnnl::prop_kind::forward_training, kind, src,
                                         dst, stride, window, memory::dims{0, 0}, begin, end);
#else
  return describe<dnnl::pooling_forward>(engine, attr, dnnl::prop_kind::forward_training, kind, src,
                                         dst, stride, window, begin, end);
#endif
}

inline dnnl::pooling_backward::primitive_desc describe_pooling_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attr,
    const dnnl::pooling_forward::primitive_desc& hint, dnnl::algorithm kind,
    const memory::desc& diff_src, const memory::desc& diff_dst, const memory::dims& stride,
    const memory::dims& window, const memory::dims& begin, const memory::dims& end) {
#if DNNL_VERSION_MAJOR >= 3
  return describe_backward<dnnl::pooling_backward>(engine, attr, hint, kind, diff_src, diff_dst,
                                                   stride, window, memory::dims{0, 0}, begin, end);
#else
  return describe_backward<dnnl::pooling_backward>(engine, attr, hint, kind, diff_src, diff_dst,
                                                   stride, window, begin, end);
#endif
}

inline dnnl::lrn_forward::primitive_desc describe_lrn(const dnnl::engine& engine,
                                                      const dnnl::primitive_attr& attr,
                                                      dnnl::algorithm kind,
                                                      const memory::desc& data, memory::dim size,
                                                      float alpha, float beta, float k) {
#if DNNL_VERSION_MAJOR >= 3
  return describe<dnnl::lrn_forward>(engine, attr, dnnl::prop_kind::forward_training, kind, data,
                                     data, size, alpha, beta, k);
#else
  return describe<dnnl::lrn_forward>(engine, attr, dnnl::prop_kind::forward_training, kind, data,
                                     size, alpha, beta, k);
#endif
}

inline dnnl::lrn_backward::primitive_desc describe_lrn_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attr,
    const dnnl::lrn_forward::primitive_desc& hint, dnnl::algorithm kind, const memory::desc& data,
    memory::dim size, float alpha, float beta, float k) {
#if DNNL_VERSION_MAJOR >= 3
  return describe_backward<dnnl::lrn_backward>(engine, attr, hint, kind, data, data, data, size,
                                               alpha, beta, k);
#else
  return describe_backward<dnnl::lrn_backward>(engine, attr, hint, kind, data, data, size, alpha,
                                               beta, k);
#endif
}

inline dnnl::eltwise_forward::primitive_desc describe_eltwise(const dnnl::engine& engine,
                                                              const dnnl::primitive_attr& attr,
                                                              dnnl::algorithm kind,
                                                              const memory::desc& data) {
#if DNNL_VERSION_MAJOR >= 3
  return describe<dnnl::eltwise_forward>(engine, attr, dnnl::prop_kind::forward_training, kind,
                                         data, data);
#else
  return describe<dnnl::eltwise_forward>(engine, attr, dnnl::prop_kind::forward_training, kind,
                                         data);
#endif
}

inline dnnl::eltwise_backward::primitive_desc describe_eltwise_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attr,
    const dnnl::eltwise_forward::primitive_desc& hint, dnnl::algorithm kind,
    const memory::desc& data) {
#if DNNL_VERSION_MAJOR >= 3
  return describe_backward<dnnl::eltwise_backward>(engine, attr, hint, kind, data, data, data);
#else
  return describe_backward<dnnl::eltwise_backward>(engine, attr, hint, kind, data, data);
#endif
}

#if DNNL_VERSION_MAJOR >= 3
using SoftmaxForward = dnnl::softmax_forward;
#else
using SoftmaxForward = dnnl::softmax_v2_forward;
#endif

}  // namespace fovea::onednn
