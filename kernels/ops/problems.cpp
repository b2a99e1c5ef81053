// problems.cpp - text and validation of the smaller ops' problems.
#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/fold_weights.h>
#include <fovea/kernels/ops/input.h>
#include <fovea/kernels/ops/linear.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/ops/padding_text.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/problem_text.h>
#include <fovea/kernels/ops/update.h>

namespace fovea {
namespace {

std::string num(std::int64_t v) { return std::to_string(v); }

void require(bool holds, const std::string& problem, const std::string& what) {
  if (!holds) throw InvalidArgument(problem + ": " + what);
}

void require_addressable(const Shape& shape, const std::string& problem) {
  require(shape.elements() < (std::int64_t{1} << 31), problem,
          "a tensor has 2^31 elements or more; use a smaller batch");
}

}  // namespace

void validate(const LinearProblem& p) {
  const std::string text = "linear " + to_string(p);
  require(p.m >= 1 && p.n >= 1 && p.k >= 1, text, "every extent is at least 1");
  for (const Shape& s : {p.x_shape(), p.w_shape(), p.y_shape()}) require_addressable(s, text);
  if (p.epilogue.drop) validate(p.drop, text);
}

std::string to_string(const LinearProblem& p, bool) {
  return "m" + num(p.m) + "n" + num(p.n) + "k" + num(p.k) + to_string(p.epilogue, p.drop);
}

LinearProblem parse_linear(std::string_view text) {
  if (text.starts_with("gemm:")) text.remove_prefix(5);
  std::string words(text);
  const Drop drop = take_drop(words);
  const ProblemText f(words, {"m", "n", "k"},
                      {"bias", "relu", "tanh", "drop", "mask", "acc", "db", "sgd"});
  LinearProblem p{.m = f.count("m"), .n = f.count("n"), .k = f.count("k"), .epilogue = {}};
  p.epilogue = {f.flag("bias"), f.flag("relu"), f.flag("tanh"), f.flag("drop"),
                f.flag("mask"), f.flag("acc"),  f.flag("db"),   f.flag("sgd")};
  p.drop = drop;
  validate(p);
  return p;
}

int PoolProblem::extent(int in, Padding pad, int window, int stride) const {
  const int span = in + pad.begin + pad.end - window;
  if (span < 0 && !ceil) return 0;
  if (!ceil) return span / stride + 1;
  int count = span <= 0 ? 1 : (span + stride - 1) / stride + 1;
  if ((count - 1) * stride >= in + pad.begin) --count;  // the last window would start outside
  return count;
}

void validate(const PoolProblem& p) {
  const std::string text = "pool " + to_string(p);
  require(
      p.n >= 1 && p.c >= 1 && p.h >= 1 && p.w >= 1 && p.r >= 1 && p.s >= 1 && p.u >= 1 && p.v >= 1,
      text, "every extent and stride is at least 1");
  require(std::int64_t{p.r} * p.s <= 255, text, "a window has at most 255 cells");
  require(p.ph.begin >= 0 && p.ph.end >= 0 && p.pw.begin >= 0 && p.pw.end >= 0, text,
          "padding is not negative");
  require(p.ph.begin < p.r && p.ph.end < p.r && p.pw.begin < p.s && p.pw.end < p.s, text,
          "padding must be smaller than the window");
  require(p.p() >= 1 && p.q() >= 1, text, "the window does not fit, so there is no output");
  require_addressable(p.x_shape(), text);
  require_addressable(p.y_shape(), text);
}

namespace {

// n, c, h, w of a plane.
std::string plane_text(int n, int c, int h, int w, bool canonical) {
  return "n" + num(n) + "c" + num(c) + "h" + num(h) +
         (canonical || w != h ? "w" + num(w) : std::string());
}

std::string window_text(const PoolProblem& p, bool canonical) {
  std::string t = "r" + num(p.r);
  const auto field = [&](bool needed, const std::string& text) {
    if (canonical || needed) t += text;
  };
  field(p.s != p.r, "s" + num(p.s));
  field(p.u != 1, "u" + num(p.u));
  field(p.v != p.u, "v" + num(p.v));
  field(p.ph != Padding{}, padding_text("ph", p.ph));
  field(p.pw != p.ph, padding_text("pw", p.pw));
  field(p.ceil, p.ceil ? "ceil1" : "ceil0");
  return t;
}

PoolProblem pool_of(const ProblemText& f) {
  PoolProblem p;
  p.n = f.count("n");
  p.c = f.count("c");
  p.h = f.count("h");
  p.w = f.count("w", p.h);
  p.r = f.count("r");
  p.s = f.count("s", p.r);
  p.u = f.count("u", 1);
  p.v = f.count("v", p.u);
  const auto ph = f.pair("ph", {0, 0});
  const auto pw = f.pair("pw", ph);
  p.ph = {ph.first, ph.second};
  p.pw = {pw.first, pw.second};
  p.ceil = f.count("ceil", 0, 0) != 0;
  return p;
}

}  // namespace

std::string to_string(const PoolProblem& p, bool canonical) {
  std::string t = plane_text(p.n, p.c, p.h, p.w, canonical) + window_text(p, canonical);
  if (canonical || !p.count_padding) t += p.count_padding ? "pad1" : "pad0";
  return t;
}

PoolProblem parse_pool(std::string_view text) {
  for (const std::string_view name : {"maxpool:", "avgpool:"}) {
    if (text.starts_with(name)) text.remove_prefix(name.size());
  }
  const ProblemText f(text, {"n", "c", "h", "w", "r", "s", "u", "v", "ph", "pw", "ceil", "pad"});
  PoolProblem p = pool_of(f);
  p.count_padding = f.count("pad", 1, 0) != 0;
  validate(p);
  return p;
}

void validate(const LrnProblem& p) {
  const std::string text = "lrn " + to_string(p);
  require(p.n >= 1 && p.c >= 1 && p.h >= 1 && p.w >= 1, text, "every extent is at least 1");
  require(p.size >= 1 && p.size % 2 == 1, text, "the window's size is odd: it is centred");
  require(p.groups >= 1 && p.c % p.groups == 0, text, "groups must divide the channels");
  require(p.k > 0 && p.alpha >= 0 && p.beta >= 0, text,
          "k must be above 0, alpha and beta not below it");
  require_addressable(p.x_shape(), text);
}

namespace {

std::string constants_text(const LrnProblem& p, bool canonical) {
  std::string t =
      "size" + num(p.size) + "a" + compact(p.alpha) + "b" + compact(p.beta) + "k" + compact(p.k);
  const auto field = [&](bool needed, const std::string& text) {
    if (canonical || needed) t += text;
  };
  field(p.divide, p.divide ? "div1" : "div0");
  field(p.groups != 1, "g" + num(p.groups));
  field(p.within, p.within ? "within1" : "within0");
  return t;
}

LrnProblem lrn_of(const ProblemText& f) {
  LrnProblem p;
  p.n = f.count("n");
  p.c = f.count("c");
  p.h = f.count("h");
  p.w = f.count("w", p.h);
  p.size = f.count("size", p.size);
  p.alpha = f.real("a", p.alpha);
  p.beta = f.real("b", p.beta);
  p.k = f.real("k", p.k);
  p.divide = f.count("div", 0, 0) != 0;
  p.groups = f.count("g", 1);
  p.within = f.count("within", 0, 0) != 0;
  return p;
}

}  // namespace

std::string to_string(const LrnProblem& p, bool canonical) {
  return plane_text(p.n, p.c, p.h, p.w, canonical) + constants_text(p, canonical);
}

LrnProblem parse_lrn(std::string_view text) {
  if (text.starts_with("lrn:")) text.remove_prefix(4);
  const ProblemText f(text, {"n", "c", "h", "w", "size", "a", "b", "k", "div", "g", "within"});
  const LrnProblem p = lrn_of(f);
  validate(p);
  return p;
}

void validate(const LrnPoolProblem& p) {
  const std::string text = "lrn_pool " + to_string(p);
  validate(p.lrn);
  validate(p.pool);
  require(p.lrn.x_shape() == p.pool.x_shape(), text, "both have the same n, c, h and w");
  require(p.pool.count_padding, text, "padding never wins, so it is not counted");
  if (const Verdict v = covers({.mask = true}, p.epilogue); !v) require(false, text, v.why_not);
}

std::string to_string(const LrnPoolProblem& p, bool canonical) {
  return to_string(p.lrn, canonical) + window_text(p.pool, canonical) + to_string(p.epilogue);
}

LrnPoolProblem parse_lrn_pool(std::string_view text) {
  if (text.starts_with("lrn_pool:")) text.remove_prefix(9);
  const ProblemText f(text,
                      {"n", "c", "h", "w", "size", "a", "b", "k", "div", "g", "within", "r", "s",
                       "u", "v", "ph", "pw", "ceil"},
                      {"mask"});
  const LrnPoolProblem p{
      .lrn = lrn_of(f), .pool = pool_of(f), .epilogue = {.mask = f.flag("mask")}};
  validate(p);
  return p;
}

std::string to_string(const ActivationProblem& p, bool) {
  return "n" + num(p.count) + (p.kind == Activation::relu ? "+relu" : "+tanh");
}
std::string to_string(const ScaleProblem& p, bool) {
  return "n" + num(p.count) + "f" + compact(p.factor);
}
std::string to_string(const AddProblem& p, bool) { return "n" + num(p.count); }
std::string to_string(const BiasProblem& p, bool) {
  return "n" + num(p.rows) + "c" + num(p.channels);
}
std::string to_string(const DropoutProblem& p, bool) {
  return "n" + num(p.images) + "c" + num(p.per_image) + "rate" + compact(p.rate) + "scale" +
         compact(p.scale) + "layer" + num(p.layer);
}
std::string to_string(const LossProblem& p, bool) { return "n" + num(p.n) + "c" + num(p.c); }
std::string to_string(const UpdateProblem& p, bool) {
  return "n" + num(p.count) + "segments" + num(p.segments) + "momentum" + compact(p.momentum);
}

void validate(const InputProblem& p) {
  const std::string text = "input " + to_string(p);
  require(p.n >= 1 && p.h >= 1 && p.w >= 1 && p.c >= 1 && p.pad >= 0, text,
          "every extent is at least 1 and padding not negative");
  require(p.out_h >= 1 && p.out_w >= 1 && p.out_h <= p.h + 2 * p.pad && p.out_w <= p.w + 2 * p.pad,
          text, "the crop does not fit into the padded picture");
  const InputFold& f = p.fold;
  require(f.by == 1 || ((f.by == 2 || f.by == 4) && f.rows >= 1 && f.columns >= 1 && f.top >= 0 &&
                        f.left >= 0),
          text, "it is folded by 2 or 4, with padding that is not negative");
  require_addressable(p.x_shape(), text);
  require_addressable(p.y_shape(), text);
}

std::string to_string(const InputProblem& p, bool) {
  constexpr std::string_view kViews[] = {"random",    "centre",      "top_left",
                                         "top_right", "bottom_left", "bottom_right"};
  std::string t = "n" + num(p.n) + "c" + num(p.c) + "h" + num(p.h) + "w" + num(p.w) + "oh" +
                  num(p.out_h) + "ow" + num(p.out_w);
  if (p.pad != 0) t += "pad" + num(p.pad);
  if (const InputFold& f = p.fold; f.by != 1) {
    t += "fold" + num(f.by) + "fh" + num(f.rows) + "fw" + num(f.columns) + "ft" + num(f.top) +
         "fl" + num(f.left);
  }
  t += "+" + std::string(kViews[static_cast<int>(p.view)]);
  return p.mirror ? t + "+mirror" : t;
}

void validate(const FoldWeightsProblem& p) {
  const std::string text = "fold_weights " + to_string(p);
  require(p.k >= 1 && p.c >= 1 && p.r >= 1 && p.s >= 1, text, "every extent is at least 1");
  require(p.u == 2 || p.u == 4, text, "filters are folded by 2 or 4");
  require_addressable(p.ws_shape(), text);
}

std::string to_string(const FoldWeightsProblem& p, bool canonical) {
  std::string t = "k" + num(p.k) + "c" + num(p.c) + "r" + num(p.r);
  if (canonical || p.s != p.r) t += "s" + num(p.s);
  return t + "u" + num(p.u);
}

}  // namespace fovea
