// compare_command.cpp - `fovea compare`: which problems, which rows, and where they go.
#include <fovea/cli/compare_command.h>
#include <fovea/cli/compare_table.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/machine.h>
#include <fovea/cli/names.h>
#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/kernels/compare/report.h>
#include <fovea/layers/graph.h>
#include <fovea/train/safetensors.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

namespace fovea::cli {
namespace {

namespace cmp = fovea::compare;

// Batches at which the check by the reference ends within the minute where --batch says nothing;
// and weights of a linear layer, and elements, at which the emulator's does.
constexpr int kEmulatedBatch = 1, kCpuBatch = 4;
constexpr std::int64_t kEmulatedWeights = 100'000, kEmulatedElements = 1 << 20;

int whole_number(const std::string& text, const std::string& option) {
  int v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || v < 1) {
    throw InvalidArgument(option + " " + text + ": give a whole number above 0");
  }
  return v;
}

// "preset:lenet@64": the forward ops of its net, each once; passes follow from them. Without @ at
// `affordable`, or where that is 0 at the recipe's.
std::vector<cmp::SuiteProblem> suite_of_preset(const std::string& text, int affordable) {
  const std::size_t at = text.find('@');
  const Recipe recipe = Recipe::preset(text.substr(7, at - 7));
  const int batch = at == std::string::npos
                        ? (affordable > 0 ? affordable : recipe.train.batch)
                        : whole_number(text.substr(at + 1), "--suite preset:P@");
  Graph g;
  const Value x = g.input(
      "x", {batch, recipe.input.height, recipe.input.width, recipe.input.channels}, DType::f32);
  static_cast<void>(recipe.net(assumed_classes(recipe))->record(g, x));
  const std::vector<std::string> known = cmp::op_names();
  std::vector<cmp::SuiteProblem> problems;
  for (const Node& node : g.nodes()) {
    const std::string op(node.op->kind());
    if (std::ranges::find(known, op) == known.end()) continue;
    problems.push_back({op, node.op->problem(), node.layer});
  }
  return problems;
}

// The batch at which a device affords the check by the reference; 0: any.
int affordable_batch(const Device& device) {
  switch (device.kind()) {
    case DeviceKind::emulated:
      return kEmulatedBatch;
    case DeviceKind::cpu:
      return kCpuBatch;
    case DeviceKind::cuda:
      return 0;
  }
  return 0;
}

constexpr std::string_view kCut = " cut";

// As the emulator affords them; the name says which are cut.
void cut(std::vector<cmp::SuiteProblem>& problems) {
  for (cmp::SuiteProblem& p : problems) {
    const cmp::SuiteProblem less = reduced(p, kEmulatedWeights, kEmulatedElements);
    if (less.text == p.text) continue;
    p.text = less.text;
    p.name += kCut;
  }
}

// A suite at the batch that it names, and as large; built-in ones, and presets without @, as the
// device affords them.
std::vector<cmp::SuiteProblem> suite(const std::string& text, const Device& device) {
  const int batch = affordable_batch(device);
  const bool preset = text.starts_with("preset:");
  std::vector<cmp::SuiteProblem> problems =
      preset ? suite_of_preset(text, batch) : cmp::load_suite(text);
  const std::vector<std::string> built_in = cmp::suite_names();
  const bool fixed = preset ? text.find('@') != std::string::npos
                            : std::ranges::find(built_in, text) == built_in.end();
  if (fixed || batch == 0) return problems;
  if (device.kind() == DeviceKind::emulated) cut(problems);
  for (cmp::SuiteProblem& p : problems) p = with_batch(p, batch);
  return problems;
}

std::vector<cmp::SuiteProblem> problems_of(const CompareCommand& o, const Device& device) {
  std::vector<std::string> suites = o.suites;
  if (suites.empty() && o.problems.empty()) suites = {"alexnet-2012"};
  std::vector<cmp::SuiteProblem> problems;
  for (const std::string& s : suites) {
    for (cmp::SuiteProblem& p : suite(s, device)) {
      if (suites.size() > 1) p.name = s + (p.name.empty() ? "" : "/" + p.name);
      problems.push_back(std::move(p));
    }
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

// "conv-n1c4h9k8r3-forward-fp32-mine-kernel": the same in every run.
std::string file_name_of(const cmp::Row& r) {
  std::string name = r.problem + "-" + std::string(name_of(r.pass)) + "-" +
                     std::string(name_of(r.math)) + "-" + cmp::algorithm_of(r);
  for (char& c : name) {
    if (std::string_view(": /+").find(c) != std::string_view::npos) c = '-';
  }
  return name;
}

cmp::Options options_of(const CommandContext& c, const CompareCommand& o) {
  if (!c.common.engines_for.empty()) {
    throw InvalidArgument("--engine-for " + c.common.engines_for.front() +
                          ": compare has problems, no layers; --algo names who computes");
  }
  cmp::Options options;
  options.device = Device::parse(c.common.device);
  if (!o.passes.empty()) options.passes = parse_names(o.passes, options.passes, "--pass");
  if (!o.maths.empty()) options.maths = parse_names(o.maths, options.maths, "--math");
  if (!o.algorithms.empty()) options.algorithms = o.algorithms;
  if (!c.common.engines.empty()) {
    if (o.algorithms.empty()) options.algorithms.clear();
    for (const EngineName& e : parse_engines(c.common.engines)) {
      if (is_word(e.engine) || !e.checker.empty()) {
        throw InvalidArgument("--engine " + c.common.engines +
                              ": every engine is compared here; name engines, no words");
      }
      options.algorithms.push_back(e.engine + (e.algorithm.empty() ? "" : ":" + e.algorithm));
    }
  }
  options.skipped = o.skipped;
  options.limits = c.common.limits();
  options.seed = c.common.seed;
  options.check = !o.no_check;
  options.time = options.count = !o.no_time;
  options.list = o.list;
  options.once = o.once;
  options.reps = o.reps;
  options.variants = o.variants;
  options.program = shell_word(c.program);
  options.counted = c.counted;
  if (!o.dump_wrong.empty()) {
    options.on_wrong = [folder = o.dump_wrong](const cmp::Row& row,
                                               const std::vector<cmp::NamedValues>& v) {
      std::filesystem::create_directories(folder);
      save_tensors(folder + "/" + file_name_of(row) + ".safetensors",
                   file_of(v, row.problem, row.pass, row.math));
    };
  }
  return options;
}

// A problem of a pass with every field; as it is where it is none.
std::string canonical(const std::string& problem, Pass pass) {
  try {
    return print_problem(problem_of_pass(cmp::parse_problem(problem), pass), true);
  } catch (const InvalidArgument&) {
    return problem;
  }
}

// The tensors of a file. What it says of itself must be what is asked for; it may say nothing.
std::vector<cmp::NamedValues> loaded(const std::string& path, const std::string& problem,
                                     Pass pass) {
  TensorFile file = load_tensors(path);
  const auto require = [&](const char* key, const std::string& asked, const auto& in_full) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end() || in_full(found->second) == in_full(asked)) return;
    throw InvalidArgument("--load " + path + ": its " + key + " is " + found->second + ", not " +
                          asked + ", which is asked for");
  };
  require("pass", std::string(name_of(pass)), [](const std::string& text) { return text; });
  require("problem", problem, [pass](const std::string& text) { return canonical(text, pass); });
  std::vector<cmp::NamedValues> values;
  for (NamedTensor& t : file.tensors) values.push_back({t.name, t.shape, std::move(t.elements)});
  return values;
}

int dump(const CommandContext& c, const CompareCommand& o, const cmp::Options& options,
         const std::vector<cmp::SuiteProblem>& problems) {
  if (problems.size() != 1 || options.passes.size() != 1) {
    throw InvalidArgument(
        "--dump writes one problem: give one --problem and one --pass, and one --batch at most");
  }
  if (o.maths.size() > 1) throw InvalidArgument("--dump computes once: give one --math");
  const Pass pass = options.passes.front();
  const auto problem = problem_of_pass(problems.front(), pass);
  const std::string text = print_problem(problem);
  cmp::Options one = options;
  one.maths.resize(1);
  const auto values =
      run_problem(c.registry, problem, pass, one,
                  o.load.empty() ? std::vector<cmp::NamedValues>{} : loaded(o.load, text, pass));
  save_tensors(o.dump, file_of(values, text, pass, one.maths.front()));
  return 0;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw InvalidArgument(path + " cannot be read: check the path");
  }
  return text.str();
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

// "1", or "1, 32, 128": of all problems that have one.
std::string batches_of(const std::vector<cmp::SuiteProblem>& problems) {
  std::set<int> batches;
  for (const cmp::SuiteProblem& p : problems) {
    if (const int n = batch_of(p); n > 0) batches.insert(n);
  }
  std::string text;
  for (const int n : batches) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return text.empty() ? "none" : text;
}

// The line that says which problems are smaller than the suite's; "" where none is.
std::string cut_of(const std::vector<cmp::SuiteProblem>& problems) {
  const bool any =
      std::ranges::any_of(problems, [](const auto& p) { return p.name.ends_with(kCut); });
  if (!any) return "";
  return format(
      "cut: linear layers to %s weights, problems on elements to %s; files and --problem keep "
      "theirs",
      thousands(kEmulatedWeights).c_str(), thousands(kEmulatedElements).c_str());
}

// Says what became slower, against what; whether anything did.
bool judge_by(const CommandContext& c, const cmp::Report& old, const cmp::Report& now) {
  const std::vector<cmp::Regression> slower = regressions(old, now);
  for (const std::string& change : changes(old, now)) c.say("baseline: " + change);
  for (const std::string& row : stopped_running(old, now)) c.say("baseline: " + row);
  for (const cmp::Regression& r : slower) c.say("slower: " + r.row + ": " + r.what);
  const std::size_t missing = rows_missing(old, now);
  c.say(
      format("baseline of %s: %zu rows ran in both, %zu of its rows were not made here, %zu slower",
             old.date.c_str(), rows_in_both(old, now), missing, slower.size()));
  return !slower.empty();
}

// Tensors of a hundred megabytes come and go. Kept by the process, in one heap, they need not be
// mapped and cleared anew each time: a quarter of the CPU time of alexnet-2012 on the emulator.
void keep_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace

int run_compare(const CommandContext& c, const CompareCommand& o) {
  keep_memory();
  const cmp::Options options = options_of(c, o);
  const auto problems = problems_of(o, options.device);
  if (o.canonical) {
    for (const auto& p : problems) c.print(print_problem(p, true));
    return 0;
  }
  if (!o.dump.empty()) return dump(c, o, options, problems);
  std::optional<cmp::Report> old;
  if (!o.baseline.empty()) old = cmp::parse_report(read_text(o.baseline));

  cmp::Report report{.fovea = version_of("fovea"),
                     .date = utc_now(),
                     .command = c.command_line,
                     .machine = machine_here(options.device),
                     .ceilings = {},
                     .rows = {}};
  if (old) static_cast<void>(regressions(*old, report));  // other machines are refused before work
  c.progress("device   " + to_string(options.device) + ": " + report.machine.device);
  if (c.common.json != "-" && !options.list) {
    c.print("batch " + batches_of(problems));
    if (const std::string cut = cut_of(problems); !cut.empty()) c.print(cut);
  }
  if (options.time && !options.list && !options.once) {
    report.ceilings = measure_ceilings(c.registry, options);
  }
  std::string last;
  report.rows = compare_all(c.registry, problems, options, report.ceilings, [&](const auto& row) {
    const std::string what = row.problem + " " + std::string(name_of(row.pass));
    if (what != last && !options.list) c.progress("running  " + what);
    last = what;
  });
  if (report.rows.empty()) {
    throw InvalidArgument(
        "compare: nothing to compare: no algorithm on " + to_string(options.device) +
        " is admitted by --algo, --skip-algo and --engine, or no problem has a pass of --pass");
  }
  if (options.list) {
    if (!write_json(c, to_json(report))) std::fputs(compare_list(report.rows).c_str(), stdout);
    return 0;
  }
  write_report(c, o, report);
  if (c.common.json != "-") {
    std::fputs(compare_table(report.rows).c_str(), stdout);
    std::fputs(compare_complaints(report.rows).c_str(), stdout);
  }
  if (c.common.nondeterministic) c.say(what_nondeterministic_lets_in(report.rows));
  const bool slower = old && judge_by(c, *old, report);
  if (c.common.json != "-") c.print(summary(report.rows));
  return all_right(report.rows) && !slower ? 0 : 1;
}

}  // namespace fovea::cli
