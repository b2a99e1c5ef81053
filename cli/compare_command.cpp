// compare_command.cpp - `fovea compare`: which problems, which rows, and where they go.
#include <fovea/cli/compare_command.h>
#include <fovea/cli/compare_table.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/names.h>
#include <fovea/cli/text.h>
#include <fovea/cli/version.h>
#include <fovea/core/error.h>
#include <fovea/kernels/compare/report.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/graph.h>
#include <fovea/train/safetensors.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace fovea::cli {
namespace {

namespace cmp = fovea::compare;

// Batches at which the check by the reference ends within the minute where --batch says nothing.
constexpr int kEmulatedBatch = 1, kCpuBatch = 4;

int whole_number(const std::string& text, const std::string& option) {
  int v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || v < 1) {
    throw InvalidArgument(option + " " + text + ": give a whole number above 0");
  }
  return v;
}

// "preset:lenet@64": the forward ops of its net, each once; passes follow from them.
std::vector<cmp::SuiteProblem> suite_of_preset(const std::string& text) {
  const std::size_t at = text.find('@');
  const Recipe recipe = Recipe::preset(text.substr(7, at - 7));
  const int batch = at == std::string::npos
                        ? recipe.train.batch
                        : whole_number(text.substr(at + 1), "--suite preset:P@");
  Graph g;
  const Value x = g.input(
      "x", {batch, recipe.input.height, recipe.input.width, recipe.input.channels}, DType::f32);
  static_cast<void>(recipe.net(assumed_classes(recipe))->record(g, x));
  std::vector<cmp::SuiteProblem> problems;
  for (const Node& node : g.nodes()) {
    const std::string op(node.op->kind());
    constexpr std::array kKnown = {"conv", "gemm", "lrn", "maxpool", "avgpool"};
    if (std::ranges::find(kKnown, op) == kKnown.end()) continue;
    problems.push_back({op, node.op->problem(), node.layer});
  }
  return problems;
}

// A suite at the batch that it names; built-in ones, and presets without @, at one that the check
// by the reference affords.
std::vector<cmp::SuiteProblem> suite(const std::string& text, const Device& device) {
  const bool preset = text.starts_with("preset:");
  std::vector<cmp::SuiteProblem> problems = preset ? suite_of_preset(text) : cmp::load_suite(text);
  const std::vector<std::string> built_in = cmp::suite_names();
  const bool names_batch = preset ? text.find('@') != std::string::npos
                                  : std::ranges::find(built_in, text) == built_in.end();
  if (names_batch || device.kind() == DeviceKind::cuda) return problems;
  const int batch = device.kind() == DeviceKind::emulated ? kEmulatedBatch : kCpuBatch;
  for (cmp::SuiteProblem& p : problems) p = with_batch(p, batch);
  return problems;
}

std::vector<cmp::SuiteProblem> problems_of(const CompareCommand& o, const Device& device) {
  std::vector<std::string> suites = o.suites;
  if (suites.empty() && o.problems.empty()) suites = {"alexnet-2012"};
  std::vector<cmp::SuiteProblem> problems;
  for (const std::string& s : suites) {
    for (cmp::SuiteProblem& p : suite(s, device)) problems.push_back(std::move(p));
  }
  for (const std::string& p : o.problems) problems.push_back(cmp::parse_problem(p));
  if (o.batches.empty()) return problems;
  std::vector<cmp::SuiteProblem> all;
  for (const std::string& text : o.batches) {
    const int batch = whole_number(text, "--batch");
    for (const cmp::SuiteProblem& p : problems) all.push_back(with_batch(p, batch));
  }
  return all;
}

TensorFile file_of(const std::vector<cmp::NamedValues>& values, const std::string& problem,
                   Pass pass, Math math) {
  TensorFile file;
  for (const cmp::NamedValues& v : values) file.tensors.push_back({v.name, v.shape, v.elements});
  file.metadata = {{"problem", problem},
                   {"pass", std::string(name_of(pass))},
                   {"math", std::string(name_of(math))},
                   {"layout", "NHWC, KRSC"}};
  return file;
}

cmp::Options options_of(const CommandContext& c, const CompareCommand& o) {
  cmp::Options options;
  options.device = Device::parse(c.common.device);
  if (!o.passes.empty()) options.passes = parse_names(o.passes, options.passes, "--pass");
  if (!o.maths.empty()) options.maths = parse_names(o.maths, options.maths, "--math");
  if (!o.algorithms.empty()) options.algorithms = o.algorithms;
  if (!c.common.engines.empty()) {
    if (o.algorithms.empty()) options.algorithms.clear();
    for (const EngineName& e : parse_engines(c.common.engines)) {
      options.algorithms.push_back(e.engine + (e.algorithm.empty() ? "" : ":" + e.algorithm));
    }
  }
  options.skipped = o.skipped;
  options.limits.deterministic = !c.common.nondeterministic;
  options.seed = c.common.seed;
  options.check = !o.no_check;
  options.time = !o.no_time;
  options.list = o.list;
  options.once = o.once;
  options.reps = o.reps;
  options.program = shell_word(c.program);
  if (!o.dump_wrong.empty()) {
    options.on_wrong = [folder = o.dump_wrong, count = 0](
                           const cmp::Row& row, const std::vector<cmp::NamedValues>& v) mutable {
      std::filesystem::create_directories(folder);
      save_tensors(folder + "/wrong-" + std::to_string(++count) + ".safetensors",
                   file_of(v, row.problem, row.pass, row.math));
    };
  }
  return options;
}

int dump(const CommandContext& c, const CompareCommand& o, const cmp::Options& options) {
  if (o.problems.size() != 1 || !o.suites.empty() || options.passes.size() != 1) {
    throw InvalidArgument("--dump writes one problem: give one --problem and one --pass");
  }
  const cmp::SuiteProblem problem = cmp::parse_problem(o.problems.front());
  const Pass pass = options.passes.front();
  std::vector<cmp::NamedValues> given;
  if (!o.load.empty()) {
    for (NamedTensor& t : load_tensors(o.load).tensors) {
      given.push_back({t.name, t.shape, std::move(t.elements)});
    }
  }
  cmp::Options one = options;
  one.maths.resize(1);
  const auto values = run_problem(c.registry, problem, pass, one, given);
  save_tensors(o.dump, file_of(values, print_problem(problem), pass, one.maths.front()));
  return 0;
}

std::string now() {
  const std::time_t t = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&t, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw InvalidArgument(path + " cannot be read: check the path");
  }
  return text.str();
}

// The line of version_text() that begins with `word`, without it.
std::string line_of(const std::string& word) {
  std::istringstream lines(version_text());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(word)) continue;
    return line.substr(line.find_first_not_of(' ', word.size()));
  }
  return "";
}

void write_report(const CommandContext& c, const CompareCommand& o, const cmp::Report& report) {
  if (!o.out.empty()) {
    std::filesystem::create_directories(o.out);
    write_file_atomically(o.out + "/compare.json", to_json(report));
    write_file_atomically(o.out + "/compare.html", to_html(report));
  }
  if (!o.csv.empty()) write_file_atomically(o.csv, to_csv(report.rows));
  static_cast<void>(write_json(c, to_json(report)));
}

}  // namespace

int run_compare(const CommandContext& c, const CompareCommand& o) {
  const cmp::Options options = options_of(c, o);
  const auto problems = problems_of(o, options.device);
  if (o.canonical) {
    for (const auto& p : problems) c.print(print_problem(p, true));
    return 0;
  }
  if (!o.dump.empty()) return dump(c, o, options);
  std::optional<cmp::Report> old;
  if (!o.baseline.empty()) old = cmp::parse_report(read_text(o.baseline));

  cmp::Report report{.fovea = line_of("fovea"),
                     .date = now(),
                     .command = c.command_line,
                     .machine = cmp::machine_of(options.device),
                     .ceilings = {},
                     .rows = {}};
  report.machine.cuda = line_of("CUDA");
  for (const LibraryStatus& l : library_status()) {
    if (l.works && l.engine == "onednn") report.machine.onednn = l.text;
    if (l.works && l.engine == "cudnn") report.machine.cudnn = l.text;
  }
  if (old) static_cast<void>(regressions(*old, report));  // other machines are refused before work
  c.progress("device   " + to_string(options.device) + ": " + report.machine.device);
  if (options.time && !options.list && !options.once) {
    report.ceilings = measure_ceilings(c.registry, options);
  }
  std::string last;
  report.rows = compare_all(c.registry, problems, options, report.ceilings, [&](const auto& row) {
    const std::string what = row.problem + " " + std::string(name_of(row.pass));
    if (what != last && !options.list) c.progress("running  " + what);
    last = what;
  });
  if (options.list) {
    std::fputs(compare_list(report.rows).c_str(), stdout);
    return 0;
  }
  write_report(c, o, report);
  if (c.common.json != "-") {
    std::fputs(compare_table(report.rows).c_str(), stdout);
    std::fputs(compare_complaints(report.rows).c_str(), stdout);
  }
  bool slower = false;
  if (old) {
    for (const cmp::Regression& r : regressions(*old, report)) {
      slower = true;
      c.print("slower: " + r.row + ": " + r.what);
    }
  }
  if (c.common.json != "-") c.print(summary(report.rows));
  return all_right(report.rows) && !slower ? 0 : 1;
}

}  // namespace fovea::cli
