// bounds.cpp - the sum of |products| is the same pass on absolute values.
#include <fovea/kernels/cpu/reference/bounds.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/ops/space_to_depth.h>

#include <cmath>

namespace fovea {
namespace {

std::vector<float> absolute(const std::vector<float>& v) {
  std::vector<float> a(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) a[i] = std::abs(v[i]);
  return a;
}

TensorView view(std::vector<float>& v, const Shape& shape) {
  if (static_cast<std::int64_t>(v.size()) != shape.elements()) {
    throw InvalidArgument("absolute_sums: " + std::to_string(v.size()) +
                          " elements given for a tensor of " + to_string(shape));
  }
  return {v.data(), DType::f32, shape};
}

template <class Op>
void run(const typename Op::Problem& problem, const typename Op::Args& args) {
  Registry registry;
  add_reference_algorithms(registry);
  const Stream stream(Device::cpu());
  const DeviceInfo cpu{};
  registry.list<Op>().front().prepare(problem, "", cpu)->run(args, stream);
  stream.view().synchronize();
}

template <class Forward, class Dgrad, class Wgrad, class Problem>
std::vector<float> sums(Problem p, Pass pass, const std::vector<float>& a,
                        const std::vector<float>& b) {
  p.epilogue = {};
  std::vector<float> first = absolute(a), second = absolute(b);
  const Shape shape = pass == Pass::forward ? p.y_shape()
                      : pass == Pass::dgrad ? p.x_shape()
                                            : p.w_shape();
  std::vector<float> out(static_cast<std::size_t>(shape.elements()));
  const TensorView result = view(out, shape);
  switch (pass) {
    case Pass::forward:
      run<Forward>(p, {view(first, p.x_shape()), view(second, p.w_shape()), {}, result, {}});
      break;
    case Pass::dgrad:
      run<Dgrad>(p, {view(first, p.y_shape()), view(second, p.w_shape()), {}, result, {}});
      break;
    case Pass::wgrad:
      run<Wgrad>(p, {view(first, p.x_shape()), view(second, p.y_shape()), result, {}, {}});
      break;
  }
  return out;
}

}  // namespace

std::vector<float> absolute_sums(const ConvProblem& p, Pass pass, const std::vector<float>& a,
                                 const std::vector<float>& b) {
  return sums<ConvForward, ConvDgrad, ConvWgrad>(p, pass, a, b);
}

std::vector<float> absolute_sums(const LinearProblem& p, Pass pass, const std::vector<float>& a,
                                 const std::vector<float>& b) {
  return sums<LinearForward, LinearDgrad, LinearWgrad>(p, pass, a, b);
}

std::int64_t sum_length(const ConvProblem& p, Pass pass) {
  if (p.s2d) return sum_length(folded(p), pass);
  switch (pass) {
    case Pass::forward:
      return std::int64_t{p.c_per_group()} * p.r * p.s;
    case Pass::dgrad:
      return std::int64_t{p.k_per_group()} * p.r * p.s;
    case Pass::wgrad:
      return std::int64_t{p.n} * p.p() * p.q();
  }
  return 0;
}

std::int64_t sum_length(const LinearProblem& p, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return p.k;
    case Pass::dgrad:
      return p.n;
    case Pass::wgrad:
      return p.m;
  }
  return 0;
}

}  // namespace fovea
