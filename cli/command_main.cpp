// command_main.cpp - the command line itself: the only file that knows CLI11.
#include <fovea/cli/command_main.h>
#include <fovea/cli/context.h>
#include <fovea/cli/version.h>
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/trainer.h>

#include <CLI/CLI.hpp>

#include <functional>

namespace fovea {
namespace {

using namespace fovea::cli;

void add_common(CLI::App& app, Common& o) {
  app.add_option("--device", o.device, "auto, cpu, cuda:N or emulated")->capture_default_str();
  app.add_option("--engine", o.engines, "ordered list, as onednn,reference or fovea:direct_tiled");
  app.add_option("--engine-for", o.engines_for, "LAYER=LIST, as 'conv*=reference'");
  app.add_option("--math", o.math, "fp32, tf32 or bf16")->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->capture_default_str();
  app.add_option("--threads", o.threads, "host threads; 0: what quota and affinity allow")
      ->check(CLI::Range(0, 1024));
  app.add_option("--loaders", o.loaders, "threads that decode pictures; 0: likewise")
      ->check(CLI::Range(0, 1024));
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
  app.add_option("--resume", o.resume, "go on with the run in this folder");
  app.add_flag("--allow-different-bits", o.allow_different_bits,
               "resume even where the bits cannot be the same");
}

// What was given beside --resume that a resume does not take.
void check_resume(const CLI::App& app) {
  if (app.count("--resume") == 0) return;
  const std::vector<std::string> admitted = {"--resume",
                                             "--epochs",
                                             "--device",
                                             "--loaders",
                                             "--quiet",
                                             "--threads",
                                             "--allow-different-bits"};
  for (const CLI::Option* o : app.get_options()) {
    const std::string name = o->get_name();
    if (o->count() > 0 && std::ranges::find(admitted, name) == admitted.end()) {
      throw InvalidArgument(name + " cannot be given with --resume: everything is taken from the " +
                            "run; only --epochs, --device and --loaders may change");
    }
  }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int fail(int status, const std::string& what) {
  std::fprintf(stderr, "fovea: %s\n", what.c_str());
  return status;
}

// Exceptions to exit statuses; one line each.
int guarded(const std::function<int()>& run) {
  try {
    return run();
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

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help and --version
    return fail(2, first_line(e.what()) + "; fovea --help shows how to call it");
  }
  return guarded([&] {
    check_resume(*t);
    if (context.common.threads > 0) ThreadPool::set_shared_threads(context.common.threads);
    set_log_sink([&](LogLevel level, std::string_view message) {
      if (level >= LogLevel::warning) context.progress("fovea: " + std::string(message));
    });
    context.registry = default_registry();
    if (additions.add_algorithms) additions.add_algorithms(context.registry);
    return chosen();
  });
}

}  // namespace fovea
