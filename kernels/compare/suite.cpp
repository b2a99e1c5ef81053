// suite.cpp - see suite.h.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/embedded_suites.h>
#include <fovea/kernels/compare/pass_epilogue.h>
#include <fovea/kernels/compare/suite.h>
#include <fovea/kernels/compare/value_problems.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/linear.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/problem_text.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <type_traits>
#include <utility>

namespace fovea::compare {
namespace {

constexpr Pass kForward = Pass::forward, kDgrad = Pass::dgrad, kWgrad = Pass::wgrad;

// Names of ops with their passes.
const std::vector<std::pair<std::string_view, std::vector<Pass>>>& ops() {
  static const std::vector<std::pair<std::string_view, std::vector<Pass>>> all = {
      {"conv", {kForward, kDgrad, kWgrad}},
      {"gemm", {kForward, kDgrad, kWgrad}},
      {"lrn", {kForward, kDgrad}},
      {"lrn_pool", {kForward, kDgrad}},
      {"maxpool", {kForward, kDgrad}},
      {"avgpool", {kForward, kDgrad}},
      {"softmax", {kForward}},
      {"softmax_loss", {kForward, kDgrad}},
      {"mse_loss", {kForward, kDgrad}},
      {"activation", {kForward, kDgrad}},
      {"bias", {kForward, kWgrad}},
      {"add", {kForward}},
      {"scale", {kForward}},
      {"dropout", {kForward}},
      {"input", {kForward}},
      {"sgd", {kForward}},
      {"finite_check", {kForward}},
      {"fold_weights", {kForward}}};
  return all;
}

// f(typed problem) as parsed from p's text.
template <class F>
auto with_typed(const SuiteProblem& p, const F& f) {
  if (p.op == "conv") return f(parse_conv(p.text));
  if (p.op == "gemm") return f(parse_linear(p.text));
  if (p.op == "lrn") return f(parse_lrn(p.text));
  if (p.op == "lrn_pool") return f(parse_lrn_pool(p.text));
  if (p.op == "maxpool" || p.op == "avgpool") return f(parse_pool(p.text));
  if (p.op == "softmax" || p.op.ends_with("_loss")) return f(parse_loss(p.text));
  if (p.op == "activation") return f(parse_activation(p.text));
  if (p.op == "bias") return f(parse_bias(p.text));
  if (p.op == "add") return f(parse_add(p.text));
  if (p.op == "scale") return f(parse_scale(p.text));
  if (p.op == "dropout") return f(parse_dropout(p.text));
  if (p.op == "input") return f(parse_input(p.text));
  if (p.op == "fold_weights") return f(parse_fold_weights(p.text));
  return f(parse_update(p.text));
}

std::string trimmed(const std::string& s) {
  const std::size_t begin = s.find_first_not_of(" \t\r");
  return begin == std::string::npos ? "" : s.substr(begin, s.find_last_not_of(" \t\r") + 1 - begin);
}

// The problem of one line with its name; `line` is not empty.
SuiteProblem parse_line(const std::string& line) {
  const std::size_t quote = line.find('"');
  SuiteProblem p = parse_problem(trimmed(line.substr(0, quote)));
  if (quote == std::string::npos) return p;
  const std::size_t end = line.find('"', quote + 1);
  if (end == std::string::npos || !trimmed(line.substr(end + 1)).empty()) {
    throw InvalidArgument("the name behind the problem has no end, or something behind it");
  }
  p.name = line.substr(quote + 1, end - quote - 1);
  return p;
}

}  // namespace

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& [name, passes] : ops()) names.emplace_back(name);
  return names;
}

SuiteProblem parse_problem(std::string_view text) {
  const std::size_t colon = text.find(':');
  // "ph2:3" has a colon too; an op's name comes before any digit.
  const bool named = colon != std::string_view::npos &&
                     text.substr(0, colon).find_first_of("0123456789") == std::string_view::npos;
  SuiteProblem p{named ? std::string(text.substr(0, colon)) : "conv",
                 std::string(named ? text.substr(colon + 1) : text), ""};
  static_cast<void>(passes_of(p));  // there is such an op
  p.text = with_typed(p, [](const auto& typed) { return to_string(typed); });
  return p;
}

std::string print_problem(const SuiteProblem& p, bool canonical) {
  return p.op + ":" +
         with_typed(p, [canonical](const auto& typed) { return to_string(typed, canonical); });
}

namespace {

// Where a typed problem keeps its batch; nullptr where it is about elements alone.
template <class Problem>
auto* batch_in(Problem& p) {
  if constexpr (requires { p.lrn; }) {
    return &p.lrn.n;  // and the pool's: with_batch()
  } else if constexpr (requires { p.m; }) {
    return &p.m;
  } else if constexpr (requires { p.images; }) {
    return &p.images;
  } else if constexpr (requires { p.rows; }) {
    return &p.rows;
  } else if constexpr (requires { p.n; }) {
    return &p.n;
  } else {
    return static_cast<int*>(nullptr);
  }
}

}  // namespace

SuiteProblem with_batch(const SuiteProblem& p, int n) {
  SuiteProblem other = p;
  other.text = with_typed(p, [n](auto typed) {
    if (auto* batch = batch_in(typed)) *batch = n;
    if constexpr (requires { typed.pool; }) typed.pool.n = n;
    return to_string(typed);
  });
  static_cast<void>(print_problem(other));  // validates
  return other;
}

SuiteProblem reduced(const SuiteProblem& p, std::int64_t weights, std::int64_t elements) {
  SuiteProblem other = p;
  other.text = with_typed(p, [&](auto typed) {
    if constexpr (std::is_same_v<decltype(typed), LinearProblem>) {
      while (std::int64_t{typed.n} * typed.k > weights) {
        int& longer = typed.n > typed.k ? typed.n : typed.k;
        longer = (longer + 1) / 2;
      }
    } else if constexpr (requires { typed.count; }) {
      typed.count = std::min(typed.count, elements);
    }
    return to_string(typed);
  });
  return other;
}

int batch_of(const SuiteProblem& p) {
  return with_typed(p, [](auto typed) {
    const auto* batch = batch_in(typed);
    return batch == nullptr ? 0 : static_cast<int>(*batch);
  });
}

SuiteProblem problem_of_pass(const SuiteProblem& p, Pass pass) {
  SuiteProblem other = p;
  other.text = with_typed(p, [pass](auto typed) {
    if constexpr (requires { typed.epilogue; }) typed.epilogue = of_pass(typed.epilogue, pass);
    return to_string(typed);
  });
  return other;
}

std::vector<Pass> passes_of(const SuiteProblem& p) {
  std::string names;
  for (const auto& [name, passes] : ops()) {
    if (p.op == name) return passes;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw InvalidArgument("problem '" + p.op + ":" + p.text + "': no op is called so; there are " +
                        names);
}

std::vector<SuiteProblem> parse_suite(std::string_view text, const std::string& where) {
  std::vector<SuiteProblem> problems;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    try {
      problems.push_back(parse_line(line));
    } catch (const InvalidArgument& e) {
      throw InvalidArgument(where + ", line " + std::to_string(number) + ": " + e.what());
    }
  }
  if (problems.empty()) throw InvalidArgument(where + " holds no problem; one stands on a line");
  return problems;
}

std::vector<std::string> suite_names() {
  std::vector<std::string> names;
  for (const EmbeddedSuite& s : embedded_suites()) names.emplace_back(s.name);
  return names;
}

std::vector<SuiteProblem> load_suite(const std::string& name_or_file) {
  for (const EmbeddedSuite& s : embedded_suites()) {
    if (s.name == name_or_file) return parse_suite(s.text, name_or_file);
  }
  std::ifstream file(name_or_file, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    std::string names;
    for (const std::string& n : suite_names()) names += ", " + n;
    throw InvalidArgument("suite '" + name_or_file +
                          "' is neither a file that can be read nor built in (preset:NAME@N" +
                          names + ")");
  }
  return parse_suite(text.str(), name_or_file);
}

}  // namespace fovea::compare
