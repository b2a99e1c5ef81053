// fake_ops.cpp - the functions of the fake ops library: each op by its documented formula, over
// NHWC tensors. cuDNN API reference, cudnnSetPooling2dDescriptor, cudnnSetLRNDescriptor,
// cudnnSoftmaxForward.
#include <fovea/tests/kernels/cudnn/fake_cudnn.h>

#include <algorithm>
#include <cmath>

namespace fovea::test::fake {
namespace {

struct TensorShape {
  int n = 0, c = 0, h = 0, w = 0;
  std::size_t at(int i, int row, int column, int channel) const {
    return ((static_cast<std::size_t>(i) * h + row) * w + column) * c + channel;
  }
  template <class F>
  void each(const F& f) const {
    for (int i = 0; i < n; ++i)
      for (int row = 0; row < h; ++row)
        for (int column = 0; column < w; ++column)
          for (int channel = 0; channel < c; ++channel) f(i, row, column, channel);
  }
};
struct Pooling {
  cudnnPoolingMode_t mode{};
  int r = 0, s = 0, pad_h = 0, pad_w = 0, u = 0, v = 0;
};
struct Lrn {
  int size = 0;
  double alpha = 0, beta = 0, k = 0;
};

template <class T, class Raw>
cudnnStatus_t create(Raw* raw) {
  ++fake_cudnn().descriptors;
  *raw = reinterpret_cast<Raw>(new T());
  return CUDNN_STATUS_SUCCESS;
}
template <class T, class Raw>
cudnnStatus_t destroy(Raw raw) {
  --fake_cudnn().descriptors;
  delete reinterpret_cast<T*>(raw);
  return CUDNN_STATUS_SUCCESS;
}
const TensorShape& shape(cudnnTensorDescriptor_t d) { return *reinterpret_cast<TensorShape*>(d); }
const Pooling& pooling(cudnnPoolingDescriptor_t d) { return *reinterpret_cast<Pooling*>(d); }
const Lrn& lrn(cudnnLRNDescriptor_t d) { return *reinterpret_cast<Lrn*>(d); }

cudnnStatus_t set_tensor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format,
                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NHWC || type != CUDNN_DATA_FLOAT) return complain("not fp32 NHWC");
  *reinterpret_cast<TensorShape*>(d) = {n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_pooling(cudnnPoolingDescriptor_t d, cudnnPoolingMode_t mode,
                          cudnnNanPropagation_t, int r, int s, int pad_h, int pad_w, int u, int v) {
  *reinterpret_cast<Pooling*>(d) = {mode, r, s, pad_h, pad_w, u, v};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t set_lrn(cudnnLRNDescriptor_t d, unsigned n, double alpha, double beta, double k) {
  *reinterpret_cast<Lrn*>(d) = {static_cast<int>(n), alpha, beta, k};
  return CUDNN_STATUS_SUCCESS;
}

// f(row, column, share of the average) for each cell of a window.
template <class F>
void window(const Pooling& p, const TensorShape& x, int i, int j, const F& f) {
  const int top = i * p.u - p.pad_h, left = j * p.v - p.pad_w;
  const int row0 = std::max(top, 0), row1 = std::min(top + p.r, x.h);
  const int column0 = std::max(left, 0), column1 = std::min(left + p.s, x.w);
  const int cells = p.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
                        ? p.r * p.s
                        : (row1 - row0) * (column1 - column0);
  for (int row = row0; row < row1; ++row)
    for (int column = column0; column < column1; ++column) f(row, column, 1.0 / cells);
}

bool right_size(const Pooling& p, const TensorShape& x, const TensorShape& y) {
  return y.h == (x.h + 2 * p.pad_h - p.r) / p.u + 1 && y.w == (x.w + 2 * p.pad_w - p.s) / p.v + 1;
}

cudnnStatus_t pooling_forward(cudnnHandle_t, cudnnPoolingDescriptor_t d, const void*,
                              cudnnTensorDescriptor_t x_d, const void* x, const void*,
                              cudnnTensorDescriptor_t y_d, void* y) {
  const Pooling& p = pooling(d);
  if (!right_size(p, shape(x_d), shape(y_d))) return complain("pooling: another output size");
  shape(y_d).each([&](int n, int i, int j, int c) {
    double sum = 0;
    window(p, shape(x_d), i, j, [&](int row, int column, double share) {
      sum += share * static_cast<const float*>(x)[shape(x_d).at(n, row, column, c)];
    });
    static_cast<float*>(y)[shape(y_d).at(n, i, j, c)] = static_cast<float>(sum);
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t pooling_backward(cudnnHandle_t, cudnnPoolingDescriptor_t d, const void*,
                               cudnnTensorDescriptor_t, const void*, cudnnTensorDescriptor_t dy_d,
                               const void* dy, cudnnTensorDescriptor_t, const void*, const void*,
                               cudnnTensorDescriptor_t dx_d, void* dx) {
  const Pooling& p = pooling(d);
  const TensorShape& x = shape(dx_d);
  if (!right_size(p, x, shape(dy_d))) return complain("pooling: another output size");
  std::vector<double> sums(static_cast<std::size_t>(x.n) * x.c * x.h * x.w);
  shape(dy_d).each([&](int n, int i, int j, int c) {
    window(p, x, i, j, [&](int row, int column, double share) {
      sums[x.at(n, row, column, c)] +=
          share * static_cast<const float*>(dy)[shape(dy_d).at(n, i, j, c)];
    });
  });
  std::ranges::transform(sums, static_cast<float*>(dx),
                         [](double v) { return static_cast<float>(v); });
  return CUDNN_STATUS_SUCCESS;
}

// f(channel) for the window of channel c: lookBehind = (n - 1) / 2 channels before it, n -
// lookBehind - 1 after it.
template <class F>
void neighbours(const Lrn& l, const TensorShape& x, int c, const F& f) {
  const int behind = (l.size - 1) / 2, ahead = l.size - behind - 1;
  for (int i = std::max(0, c - behind); i <= std::min(x.c - 1, c + ahead); ++i) f(i);
}

double denominator(const Lrn& l, const TensorShape& s, const float* x, int n, int i, int j, int c) {
  double squares = 0;
  neighbours(l, s, c,
             [&](int o) { squares += double{x[s.at(n, i, j, o)]} * double{x[s.at(n, i, j, o)]}; });
  return l.k + l.alpha / l.size * squares;  // alpha is divided by the window's width
}

cudnnStatus_t lrn_forward(cudnnHandle_t, cudnnLRNDescriptor_t d, cudnnLRNMode_t, const void*,
                          cudnnTensorDescriptor_t x_d, const void* x, const void*,
                          cudnnTensorDescriptor_t, void* y) {
  const auto* in = static_cast<const float*>(x);
  shape(x_d).each([&](int n, int i, int j, int c) {
    const std::size_t at = shape(x_d).at(n, i, j, c);
    static_cast<float*>(y)[at] = static_cast<float>(
        in[at] * std::pow(denominator(lrn(d), shape(x_d), in, n, i, j, c), -lrn(d).beta));
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t lrn_backward(cudnnHandle_t, cudnnLRNDescriptor_t d, cudnnLRNMode_t, const void*,
                           cudnnTensorDescriptor_t x_d, const void* y, cudnnTensorDescriptor_t,
                           const void* dy, cudnnTensorDescriptor_t, const void* x, const void*,
                           cudnnTensorDescriptor_t, void* dx) {
  const auto *in = static_cast<const float*>(x), *out = static_cast<const float*>(y),
             *gradient = static_cast<const float*>(dy);
  const Lrn& l = lrn(d);
  const TensorShape& s = shape(x_d);
  s.each([&](int n, int i, int j, int c) {
    const std::size_t at = s.at(n, i, j, c);
    double sum = 0;
    neighbours(l, s, c, [&](int o) {  // odd windows: o is in c's iff c is in o's
      const std::size_t other = s.at(n, i, j, o);
      sum += double{gradient[other]} * out[other] / denominator(l, s, in, n, i, j, o);
    });
    static_cast<float*>(dx)[at] =
        static_cast<float>(gradient[at] * std::pow(denominator(l, s, in, n, i, j, c), -l.beta) -
                           2 * l.alpha / l.size * l.beta * in[at] * sum);
  });
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t softmax_forward(cudnnHandle_t, cudnnSoftmaxAlgorithm_t algorithm,
                              cudnnSoftmaxMode_t mode, const void*, cudnnTensorDescriptor_t x_d,
                              const void* x, const void*, cudnnTensorDescriptor_t, void* y) {
  if (algorithm != CUDNN_SOFTMAX_ACCURATE || mode != CUDNN_SOFTMAX_MODE_INSTANCE) {
    return complain("softmax: not over rows, or not by their largest");
  }
  const int row = shape(x_d).c * shape(x_d).h * shape(x_d).w;
  for (int n = 0; n < shape(x_d).n; ++n) {
    const float* in = static_cast<const float*>(x) + static_cast<std::ptrdiff_t>(n) * row;
    float* out = static_cast<float*>(y) + static_cast<std::ptrdiff_t>(n) * row;
    const double most = *std::max_element(in, in + row);
    double sum = 0;
    for (int i = 0; i < row; ++i) sum += std::exp(in[i] - most);
    for (int i = 0; i < row; ++i) out[i] = static_cast<float>(std::exp(in[i] - most) / sum);
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

void add_ops_functions(cudnn::CudnnApi& api) {
  api.create_tensor = create<TensorShape, cudnnTensorDescriptor_t>;
  api.destroy_tensor = destroy<TensorShape, cudnnTensorDescriptor_t>;
  api.set_tensor = set_tensor;
  api.create_pooling = create<Pooling, cudnnPoolingDescriptor_t>;
  api.destroy_pooling = destroy<Pooling, cudnnPoolingDescriptor_t>;
  api.set_pooling = set_pooling;
  api.pooling_forward = pooling_forward;
  api.pooling_backward = pooling_backward;
  api.create_lrn = create<Lrn, cudnnLRNDescriptor_t>;
  api.destroy_lrn = destroy<Lrn, cudnnLRNDescriptor_t>;
  api.set_lrn = set_lrn;
  api.lrn_forward = lrn_forward;
  api.lrn_backward = lrn_backward;
  api.softmax_forward = softmax_forward;
}

}  // namespace fovea::test::fake
