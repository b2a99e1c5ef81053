#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/padding_text.h>
#include <fovea/kernels/ops/problem_text.h>
#include <fovea/kernels/ops/space_to_depth.h>

namespace fovea {
namespace {

// "ph2" or "ph2:1".
void require(bool holds, const ConvProblem& p, const std::string& what) {
  if (!holds) throw InvalidArgument("convolution " + to_string(p) + ": " + what);
}

// Output extents in 64 bits: the int formula of the struct may wrap for a wild problem.
std::int64_t output_extent(std::int64_t in, Padding pad, std::int64_t filter, std::int64_t dilation,
                           std::int64_t stride) {
  const std::int64_t span = in + pad.begin + pad.end - dilation * (filter - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

}  // namespace

std::string to_string(const Epilogue& e) {
  std::string text;
  for (const auto& [on, name] : {std::pair{e.bias, "+bias"},
                                 {e.relu, "+relu"},
                                 {e.tanh, "+tanh"},
                                 {e.drop, "+drop"},
                                 {e.mask, "+mask"},
                                 {e.acc, "+acc"},
                                 {e.db, "+db"},
                                 {e.sgd, "+sgd"}}) {
    if (on) text += name;
  }
  return text;
}

Verdict covers(const Epilogue& offered, const Epilogue& wanted) {
  if (wanted.relu && wanted.tanh) return Verdict::no("+relu and +tanh at once");
  for (bool Epilogue::*const e :
       {&Epilogue::bias, &Epilogue::relu, &Epilogue::tanh, &Epilogue::drop, &Epilogue::mask,
        &Epilogue::acc, &Epilogue::db, &Epilogue::sgd}) {
    if (!(wanted.*e) || offered.*e) continue;
    Epilogue one;
    one.*e = true;
    return Verdict::no(to_string(one) + " is not an epilogue of this algorithm");
  }
  return {};
}

void validate(const ConvProblem& p) {
  require(p.n >= 1 && p.c >= 1 && p.h >= 1 && p.w >= 1 && p.k >= 1 && p.r >= 1 && p.s >= 1, p,
          "every extent is at least 1");
  require(p.u >= 1 && p.v >= 1 && p.dh >= 1 && p.dw >= 1, p, "stride and dilation are at least 1");
  require(p.ph.begin >= 0 && p.ph.end >= 0 && p.pw.begin >= 0 && p.pw.end >= 0, p,
          "padding is not negative");
  require(p.groups >= 1 && p.c % p.groups == 0 && p.k % p.groups == 0, p,
          "groups must divide c and k");
  const std::int64_t rows = output_extent(p.h, p.ph, p.r, p.dh, p.u);
  const std::int64_t columns = output_extent(p.w, p.pw, p.s, p.dw, p.v);
  require(rows >= 1 && columns >= 1, p,
          "the filter does not fit into the padded input, so there is no output");
  const auto small = [](std::initializer_list<std::int64_t> extents) {
    std::int64_t count = 1;
    for (const std::int64_t e : extents) count = checked_mul(count, e);
    return count < (std::int64_t{1} << 31);
  };
  require(small({p.n, p.h, p.w, p.c}) && small({p.n, rows, columns, p.k}) &&
              small({p.k, p.r, p.s, p.c / p.groups}),
          p, "a tensor has 2^31 elements or more; use a smaller batch");
  if (p.epilogue.drop) validate(p.drop, "convolution " + to_string(p));
  if (!p.s2d) return;
  const Verdict v = can_fold(p);
  require(v.yes, p, "x cannot lie in s2d: " + v.why_not);
}

std::string to_string(const ConvProblem& p, bool canonical) {
  std::string t = "n" + std::to_string(p.n) + "c" + std::to_string(p.c) + "h" + std::to_string(p.h);
  const auto field = [&](bool needed, const std::string& text) {
    if (canonical || needed) t += text;
  };
  field(p.w != p.h, "w" + std::to_string(p.w));
  t += "k" + std::to_string(p.k) + "r" + std::to_string(p.r);
  field(p.s != p.r, "s" + std::to_string(p.s));
  field(p.u != 1, "u" + std::to_string(p.u));
  field(p.v != p.u, "v" + std::to_string(p.v));
  field(p.ph != Padding{}, padding_text("ph", p.ph));
  field(p.pw != p.ph, padding_text("pw", p.pw));
  field(p.dh != 1, "dh" + std::to_string(p.dh));
  field(p.dw != p.dh, "dw" + std::to_string(p.dw));
  field(p.groups != 1, "g" + std::to_string(p.groups));
  field(p.s2d, p.s2d ? "+s2d" : "");
  return t + to_string(p.epilogue, p.drop);
}

ConvProblem parse_conv(std::string_view text) {
  if (text.starts_with("conv:")) text.remove_prefix(5);
  std::string words(text);
  const Drop drop = take_drop(words);
  const ProblemText f(words,
                      {"n", "c", "h", "w", "k", "r", "s", "u", "v", "ph", "pw", "dh", "dw", "g"},
                      {"bias", "relu", "tanh", "drop", "mask", "acc", "db", "sgd", "s2d"});
  ConvProblem p;
  p.n = f.count("n");
  p.c = f.count("c");
  p.h = f.count("h");
  p.w = f.count("w", p.h);
  p.k = f.count("k");
  p.r = f.count("r");
  p.s = f.count("s", p.r);
  p.u = f.count("u", 1);
  p.v = f.count("v", p.u);
  const auto ph = f.pair("ph", {0, 0});
  const auto pw = f.pair("pw", ph);
  p.ph = {ph.first, ph.second};
  p.pw = {pw.first, pw.second};
  p.dh = f.count("dh", 1);
  p.dw = f.count("dw", p.dh);
  p.groups = f.count("g", 1);
  p.epilogue = {f.flag("bias"), f.flag("relu"), f.flag("tanh"), f.flag("drop"),
                f.flag("mask"), f.flag("acc"),  f.flag("db"),   f.flag("sgd")};
  p.drop = drop;
  p.s2d = f.flag("s2d");
  validate(p);
  return p;
}

}  // namespace fovea
