// command_main.cpp - the command line itself: the only file that knows CLI11.
#include <fovea/cli/command_main.h>
#include <fovea/cli/compare_command.h>
#include <fovea/cli/context.h>
#include <fovea/cli/text.h>
#include <fovea/cli/version.h>
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/registry/added.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/op.h>
#include <fovea/train/trainer.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace fovea {
namespace {

using namespace fovea::cli;

void add_common(CLI::App& app, Common& o) {
  app.add_option("--device", o.device, "auto, cpu, cuda:N or emulated")->capture_default_str();
  app.add_option("--engine", o.engines,
                 "ordered list, as onednn,reference or fovea:direct_tiled; words: fastest, "
                 "smallest, check:A,B");
  app.add_option("--engine-for", o.engines_for, "LAYER=LIST, as 'conv*=reference'");
  app.add_option("--math", o.math, "fp32, tf32, or bf16 with tensors in bf16")
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->capture_default_str();
  app.add_option("--threads", o.threads, "host threads; 0: what quota and affinity allow")
      ->check(CLI::Range(0, 1024));
  app.add_option("--loaders", o.loaders, "threads that decode pictures; 0: likewise")
      ->check(CLI::Range(0, 1024));
  app.add_option("--workspace", o.workspace, "most that an op may take beside its tensors: 64MiB");
  app.add_option("--tuning", o.tuning, "file that keeps what fastest measured, for other runs too");
  app.add_flag("--nondeterministic,--fast", o.nondeterministic,
               "let in algorithms whose bits may differ from run to run");
  app.add_flag("--quiet", o.quiet, "no progress on standard error");
  app.add_option("--json", o.json, "write the table as JSON; - is standard output");
}

void add_recipe(CLI::App& app, RecipeChoice& o) {
  app.add_option("--preset", o.preset, "a built-in recipe: fovea presets lists them");
  app.add_option("--config", o.config, "a recipe as TOML file");
  app.add_option("--set", o.set, "SECTION.KEY=VALUE, as train.epochs=3; may be repeated");
  app.add_option("--epochs", o.epochs, "passes over the training pictures");
  app.add_option("--batch", o.batch, "pictures a step");
  app.add_option("--lr", o.learning_rate, "learning rate at the start");
}

void add_train(CLI::App& app, TrainCommand& o) {
  app.footer("Example:\n  fovea train --preset lenet --data /usr/share/datasets/fashion-mnist");
  add_recipe(app, o.recipe);
  app.add_option("--data", o.data, "folder of pictures");
  app.add_option("--out", o.out, "run folder; default runs/PRESET-K");
  app.add_option("--weights", o.weights, "run or file to start from");
  app.add_option("--labels", o.labels, "class names, one a line");
  app.add_option("--validation", o.validation, "fraction of each class held out");
  app.add_option("--limit", o.limit, "so many training pictures, drawn by seed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--overfit", o.overfit, "train on so many pictures and judge on them")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--max-steps", o.max_steps, "stop after so many steps");
  app.add_flag("--stop-on-flat", o.stop_on_flat,
               "end with status 3 where the loss stays that of guessing");
  app.add_option("--resume", o.resume, "go on with the run in this folder");
  app.add_flag("--allow-different-bits", o.allow_different_bits,
               "resume even where the bits cannot be the same");
}

void add_evaluate(CLI::App& app, EvaluateCommand& o) {
  app.footer(
      "Example:\n  fovea evaluate --run runs/lenet-1 --data /usr/share/datasets/fashion-mnist");
  app.add_option("--run", o.run, "run folder or model file")->required();
  app.add_option("--data", o.data, "folder of pictures")->required();
  app.add_option("--split", o.split,
                 "test, val or train (default: test; where there is none, val)");
  app.add_option("--views", o.views, "1: the centre; 10: corners and centre, mirrored too")
      ->capture_default_str();
  app.add_option("--labels", o.labels, "class names, one a line");
  app.add_option("--limit", o.limit, "so many pictures, drawn by seed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--html", o.html, "write the whole matrix as a page");
}

void add_classify(CLI::App& app, ClassifyCommand& o) {
  app.footer("Example:\n  fovea classify --run runs/lenet-1 picture.png --top 3");
  app.add_option("--run", o.run, "run folder or model file")->required();
  app.add_option("images", o.images, "JPEG or PNG files; - is standard input");
  app.add_option("--data", o.data, "a data folder: its test part, else val, else train");
  app.add_option("--index", o.index, "number of the picture there, from 0")->needs("--data");
  app.add_option("--top", o.top, "labels a picture")->capture_default_str();
}

void add_plan(CLI::App& app, PlanCommand& o) {
  app.footer("Example:\n  fovea plan --preset alexnet-2012 --batch 128 --memory 24GiB");
  add_recipe(app, o.recipe);
  app.add_option("--memory", o.memory, "look for the largest batch in so much, as 24GiB");
  app.add_option("--data", o.data, "folder of pictures: its classes, share of the peak and time");
  app.add_option("--classes", o.classes, "so many classes")->check(CLI::PositiveNumber);
}

void add_time(CLI::App& app, TimeCommand& o) {
  app.footer(
      "Example:\n  fovea time --preset lenet --batch 64 --engine simd,onednn --engine reference");
  add_recipe(app, o.recipe);
  app.remove_option(app.get_option("--engine"));
  app.remove_option(app.get_option("--math"));
  app.add_option("--engine", o.engines, "ordered list, a column; may be repeated");
  app.add_option("--math", o.maths, "list of fp32, tf32, bf16: a column each")
      ->capture_default_str();
  app.add_option("--steps", o.steps, "steps timed each way")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
}

void add_features(CLI::App& app, FeaturesCommand& o) {
  app.footer(
      "Example:\n  fovea features --run runs/lenet-1 --data /usr/share/datasets/fashion-mnist "
      "--layer fc3 --to fc3.safetensors");
  app.add_option("--run", o.run, "run folder or model file")->required();
  app.add_option("--data", o.data, "folder of pictures");
  app.add_option("--load", o.load, "safetensors file with pictures as x, {n, height, width, c}");
  app.add_option("--split", o.split,
                 "test, val or train (default: test; where there is none, val)");
  app.add_option("--layer", o.layers, "layers to write; list shows them")->required();
  app.add_option("--limit", o.limit, "so many pictures, drawn by seed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--to", o.to, "safetensors file to write");
}

void add_compare(CLI::App& app, CompareCommand& o) {
  app.footer(
      "Problems: letters then digits, in any order, the longest name first; then epilogues.\n"
      "  conv:    n c h w k r s u v ph pw dh dw g; n c h k r are needed, conv: may be left out\n"
      "           +bias +relu +tanh +drop (forward) +mask +acc (dgrad) +db +acc +sgd (wgrad)\n"
      "  gemm:    m n k and the same epilogues     lrn:      n c h w size a b k div g within\n"
      "  maxpool: n c h w r s u v ph pw ceil       avgpool:  the same and pad\n"
      "  lrn_pool: those of lrn and maxpool; epilogue +mask\n"
      "  softmax: softmax_loss: mse_loss: bias: n c   add: n   scale: n f   activation: n +relu "
      "+tanh\n"
      "  dropout: n c rate scale layer     sgd: finite_check: n segments momentum\n"
      "  input:   n c h w oh ow pad +random +centre +mirror     fold_weights: k c r s u\n"
      "  ph2:3 is two before, three behind\n"
      "Example:\n  fovea compare --device emulated --problem n1c16h14k32r3ph1 --pass forward");
  const auto list = [&app](const char* name, std::vector<std::string>& to, const char* about) {
    return app.add_option(name, to, about)->delimiter(',');
  };
  app.add_option("--suite", o.suites,
                 "alexnet-2012, alexnet-torchvision, lenet, vgg16, resnet50, a file with a problem "
                 "a line, or preset:NAME@BATCH; may be repeated");
  app.add_option("--problem", o.problems, "one problem, as n1c16h14k32r3ph1; may be repeated");
  list("--pass", o.passes, "forward, dgrad, wgrad");
  list("--algo", o.algorithms, "ENGINE:ALGORITHM, with *; behind a second : a variant");
  list("--skip-algo", o.skipped, "leave these out");
  list("--batch", o.batches, "instead of the problems' own");
  app.add_option("--out", o.out, "folder for compare.json and compare.html");
  app.add_option("--csv", o.csv, "the rows as a CSV file");
  app.add_option("--baseline", o.baseline, "an older compare.json of this machine: 1 if slower");
  app.add_flag("--list", o.list, "say what would run and what declines why; run nothing");
  app.add_flag("--canonical", o.canonical, "print the problems with every field, and nothing else");
  app.add_flag("--once", o.once, "launch exactly once, for profilers");
  app.add_option("--reps", o.reps, "timed runs; 0: as many as half a second allows")
      ->check(CLI::Range(0, 100000));
  app.add_option("--variants", o.variants,
                 "so many of each algorithm, best guesses first; 0: all on cuda, else one")
      ->check(CLI::Range(0, 100000));
  CLI::Option* no_check = app.add_flag("--no-check", o.no_check, "times alone");
  app.add_flag("--no-time", o.no_time, "checks alone")->excludes(no_check);
  app.add_option("--dump-wrong", o.dump_wrong, "folder for the tensors of wrong rows");
  app.add_option("--dump", o.dump, "write inputs and result of one problem as safetensors");
  app.add_option("--load", o.load, "take inputs x, w, b, dy, ... of --dump from this file")
      ->needs("--dump");
}

// What was given beside --resume that a resume does not take.
void check_resume(const CLI::App& app) {
  if (app.count("--resume") == 0) return;
  std::vector<std::string> admitted = {"--resume",
                                       "--epochs",
                                       "--device",
                                       "--loaders",
                                       "--quiet",
                                       "--json",
                                       "--allow-different-bits"};
  // The number of threads is part of the bits.
  if (app.count("--allow-different-bits") > 0) admitted.emplace_back("--threads");
  for (const CLI::Option* o : app.get_options()) {
    const std::string name = o->get_name();
    if (o->count() > 0 && std::ranges::find(admitted, name) == admitted.end()) {
      throw InvalidArgument(name + " cannot be given with --resume: everything is taken from the " +
                            "run; only --epochs, --device and --loaders may change");
    }
  }
}

// Options of compare that would do nothing beside another.
void check_compare(const CLI::App& app) {
  const std::pair<const char*, std::vector<const char*>> idle[] = {
      {"--dump",
       {"--suite", "--list", "--canonical", "--once", "--out", "--csv", "--json", "--baseline",
        "--dump-wrong", "--reps", "--variants"}},
      {"--canonical",
       {"--list", "--once", "--out", "--csv", "--json", "--baseline", "--dump-wrong"}},
      {"--list", {"--once", "--out", "--csv", "--baseline", "--dump-wrong"}},
      {"--once", {"--baseline", "--dump-wrong", "--reps"}},
      {"--no-check", {"--dump-wrong"}}};
  for (const auto& [name, others] : idle) {
    if (app.count(name) == 0) continue;
    for (const char* other : others) {
      if (app.count(other) == 0) continue;
      throw InvalidArgument(std::string(other) + " does nothing beside " + name +
                            ": leave one out");
    }
  }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// What CLI11 says, but a command that does not exist is named, with the nearest.
std::string usage_error(const CLI::App& app, int argc, char** argv, const std::string& what) {
  if (argc < 2) return "say what to do, as in fovea train";
  const std::string word = argv[1];
  std::vector<std::string> commands;
  for (const CLI::App* sub : app.get_subcommands({})) commands.push_back(sub->get_name());
  if (word.starts_with('-') || std::ranges::find(commands, word) != commands.end()) {
    return first_line(what);
  }
  return "no command is called '" + word + "'; the nearest is '" + nearest(word, commands) + "'";
}

int fail(int status, const std::string& what) {
  std::fprintf(stderr, "fovea: %s\n", what.c_str());
  return status;
}

// Exceptions to exit statuses; one line each.
int guarded(const std::string& program, const std::function<int()>& run) {
  try {
    return run();
  } catch (const CheckFailed& e) {
    return fail(1, e.found() + "; again: " + shell_word(program) + " " + e.again());
  } catch (const NumericsLost& e) {
    return fail(3, e.what());
  } catch (const InvalidArgument& e) {
    return fail(2, e.what());
  } catch (const Unsupported& e) {
    return fail(2, e.what());
  } catch (const FormatError& e) {
    return fail(2, e.what());
  } catch (const std::exception& e) {
    return fail(1, e.what());
  }
}

}  // namespace

int command_main(int argc, char** argv, const CommandAdditions& additions) {
  CLI::App app("fovea trains convolutional nets of AlexNet's kind and compares their kernels.",
               "fovea");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  CommandContext context;
  context.program = argc > 0 ? argv[0] : "fovea";
  for (int i = 0; i < argc; ++i) {
    context.command_line += (i > 0 ? " " : "") + shell_word(argv[i]);
  }
  std::function<int()> chosen;
  const auto command = [&](const char* name, const char* about, std::function<int()> run) {
    CLI::App* sub = app.add_subcommand(name, about);
    add_common(*sub, context.common);
    sub->callback([&chosen, run = std::move(run)] { chosen = run; });
    return sub;
  };

  command("devices", "what works here, and why the rest does not", [&] {
    return run_devices(context);
  })->footer("Example:\n  fovea devices");

  PresetsCommand presets;
  CLI::App* p = command("presets", "list the built-in recipes, or show one",
                        [&] { return run_presets(context, presets); });
  p->footer("Example:\n  fovea presets alexnet-fashion");
  p->add_option("name", presets.name, "a preset");
  p->add_flag("--toml", presets.toml, "as the file it is");
  p->add_option("--diff", presets.diff, "two presets to compare")->expected(2);

  TrainCommand train;
  CLI::App* t = command("train", "train a net, or go on with a run",
                        [&] { return run_train(context, train); });
  add_train(*t, train);

  EvaluateCommand evaluate;
  add_evaluate(*command("evaluate", "judge a model on a data set",
                        [&] { return run_evaluate(context, evaluate); }),
               evaluate);
  ClassifyCommand classify;
  add_classify(*command("classify", "the most probable labels of pictures",
                        [&] { return run_classify(context, classify); }),
               classify);
  PlanCommand plan;
  add_plan(*command("plan", "memory, largest batch, time and engines before training",
                    [&] { return run_plan(context, plan); }),
           plan);
  TimeCommand time;
  add_time(*command("time", "one training step, layer by layer",
                    [&] { return run_time(context, time); }),
           time);
  FeaturesCommand features;
  add_features(*command("features", "the output of any layer for each picture",
                        [&] { return run_features(context, features); }),
               features);
  CompareCommand compare;
  CLI::App* compared = command("compare", "every algorithm on every problem, checked and measured",
                               [&] { return run_compare(context, compare); });
  add_compare(*compared, compare);
  CheckGradsCommand check_grads;
  CLI::App* g = command("check-grads", "backward against differences of the loss",
                        [&] { return run_check_grads(context, check_grads); });
  g->footer("Example:\n  fovea check-grads --preset lenet --engine reference");
  add_recipe(*g, check_grads.recipe);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help and --version
    return fail(2, usage_error(app, argc, argv, e.what()) + "; fovea --help shows how to call it");
  }
  // A limit on the size of files then shows as a failed write, as a full disk does.
  std::signal(SIGXFSZ, SIG_IGN);
  return guarded(context.program, [&] {
    check_resume(*t);
    check_compare(*compared);
    if (compared->count("--math") > 0) compare.maths = split(context.common.math, ',');
    if (context.common.threads > 0) ThreadPool::set_shared_threads(context.common.threads);
    set_log_sink([&](LogLevel level, std::string_view message) {
      if (level >= LogLevel::warning) context.progress("fovea: " + std::string(message));
    });
    context.registry = default_registry();
    for (const ConvAlgorithm& a : additions.convolutions) add_convolution(context.registry, a);
    for (const ConvAlgorithm& a : additions.counted) add_convolution(context.counted, a);
    if (additions.add_algorithms) additions.add_algorithms(context.registry);
    const int status = chosen();
    if (const auto& tuner = context.common.tuner; tuner && !tuner->summary().empty()) {
      context.progress("tuning   " + tuner->summary());
    }
    return status;
  });
}

}  // namespace fovea
