#include <fovea/cli/inputs.h>
#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/cli/train_text.h>
#include <fovea/core/thread_pool.h>
#include <fovea/train/host.h>

#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace fovea::cli {
namespace {

std::string plural(int n, const char* one, const char* many) {
  return format("%d %s", n, n == 1 ? one : many);
}

std::string device_line(const CommandContext& c, const DeviceInfo& d) {
  std::string line = to_string(d.device) + ": ";
  if (d.device.kind() != DeviceKind::cuda) {
    line += plural(ThreadPool::shared().threads(), "thread", "threads") + ", ";
  }
  line += d.name;
  if (d.device.kind() != DeviceKind::cuda && !vector_instructions().empty()) {
    line += ", " + vector_instructions();
  }
  if (c.common.device != "auto") return line;
  const std::string reason = Device::reason();  // the fix, in parentheses, is for `fovea devices`
  return line + " (" + (d.device.kind() == DeviceKind::cpu ? "no GPU: " : "") +
         reason.substr(0, reason.find(" (")) + ")";
}

std::string net_line(const Run& run) {
  const Recipe& recipe = run.trainer().recipe();
  int convolutions = 0, linear = 0;
  for (const LayerRecipe& l : recipe.layers) {
    convolutions += l.type == "conv";
    linear += l.type == "linear";
  }
  return format("%s: %s, %d linear, %s parameters; plan %s", recipe.name.c_str(),
                plural(convolutions, "convolution", "convolutions").c_str(), linear,
                thousands(run.model().parameter_count()).c_str(),
                bytes(run.trainer().executor().planned_bytes()).c_str());
}

// What a user might not expect, a sentence each.
std::vector<std::string> notes_of(const Run& run) {
  std::vector<std::string> notes = run.notes();
  const RunOptions& o = run.options();
  const int classes = static_cast<int>(run.data().class_names.size());
  if (o.preset && classes != assumed_classes(*o.preset)) {
    notes.push_back(format("the last layer gets %d outputs, one a class; %s has %s", classes,
                           o.preset->name.c_str(), thousands(assumed_classes(*o.preset)).c_str()));
  }
  if (const std::size_t skipped = run.data().skipped.size(); skipped > 0) {
    const SkippedFile& first = run.data().skipped.front();
    notes.push_back(format("%zu %s not used (%s: %s); %s names them", skipped,
                           skipped == 1 ? "file is" : "files are", first.path.c_str(),
                           first.reason.c_str(), (run.folder() / "skipped.tsv").c_str()));
  }
  if (o.recipe.train.plateau_patience > 0 && !run.data().validation) {
    notes.emplace_back(
        "the recipe lowers the learning rate by the validation error, and nothing is held out: "
        "--validation 0.1 would");
  }
  if (!o.trainer.policy.limits.deterministic) {
    notes.push_back(
        what_nondeterministic_lets_in(run.trainer().executor().plan(Executor::PlanId{})));
  }
  return notes;
}

std::string local_now() {
  const std::time_t t = std::time(nullptr);
  std::tm parts{};
  char text[40];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", localtime_r(&t, &parts));
  return text;
}

// The part that a command can look at afterwards, and how many pictures it has.
std::pair<const char*, std::int64_t> part_to_judge(const Run& run) {
  const DataSets& d = run.data();
  if (run.options().overfit > 0) return {"train", 1};  // d.test are the pictures trained on
  if (d.test) return {"test", d.test->size()};
  if (d.validation) return {"val", d.validation->size()};
  return {"train", d.training->size()};
}

}  // namespace

TrainOutput::TrainOutput(const CommandContext& c, const Run& run)
    : context_{c}, log_(run.folder() / "log.txt", std::ios::app) {
  keep("# " + local_now() + "  " + c.command_line);
}

void TrainOutput::print(const std::string& line) {
  std::FILE* to = context_.common.json == "-" ? stderr : stdout;
  std::fprintf(to, "%s\n", line.c_str());
  std::fflush(to);
  keep(line);
}

void TrainOutput::keep(const std::string& text) {
  log_ << text << '\n';
  log_.flush();  // a full disk shows where it matters: at the next checkpoint
}

void print_head(const CommandContext& c, const Run& run, TrainOutput& out) {
  const RunOptions& o = run.options();
  const Plan& plan = run.trainer().executor().plan(Executor::PlanId{});
  out.print("device   " + device_line(c, run.trainer().executor().device()));
  out.print(who_computes(plan, o.trainer.policy));
  if (const std::string tuning = run.tuning_summary(); !tuning.empty()) {
    out.print("tuning   fastest: " + tuning + "; " + (run.folder() / "tuning.txt").string());
  }
  out.print("data     " + run.data().path.string() + ": " + summary(run.data()));
  out.print("net      " + net_line(run));
  for (const std::string& note : notes_of(run)) out.print("note     " + note);
  out.print(format("run      %s (seed %llu, %s, batch %d, %s)", run.folder().c_str(),
                   static_cast<unsigned long long>(o.trainer.seed),
                   std::string(name_of(o.trainer.math)).c_str(), run.trainer().recipe().train.batch,
                   o.trainer.policy.limits.deterministic ? "deterministic" : "nondeterministic"));
  out.keep("\n" + ops_table(plan));
}

EpochTable::EpochTable(const CommandContext& c, const Run& run, TrainOutput& out)
    : context_{c},
      out_{out},
      mse_{run.trainer().recipe().train.loss == "mse"},
      live_{!c.common.quiet && isatty(2) == 1} {
  out_.print(format("%-8s %9s %7s %12s %17s %6s", "epoch", "images/s", "loss", "train error",
                    run.data().validation ? "validation error"
                    : run.data().test     ? "test error*"
                                          : "",
                    "left"));
}

void EpochTable::step(const Progress& p) {
  const auto now = Clock::now();
  if (!live_) {
    if (context_.common.quiet || now - shown_ < std::chrono::seconds(60)) return;
  } else if (now - shown_ < std::chrono::milliseconds(200)) {
    return;
  }
  if (shown_ != Clock::time_point{} || live_) {
    std::fprintf(stderr, live_ ? "\r%s\x1b[K" : "%s\n",
                 format("step %s of %s  %.0f images/s  loss %.4f", thousands(p.step).c_str(),
                        thousands(p.steps).c_str(), p.images_per_second, p.loss)
                     .c_str());
    std::fflush(stderr);
  }
  shown_ = now;
}

void EpochTable::epoch(const EpochRecord& e) {
  if (live_) std::fputs("\r\x1b[K", stderr);
  if (first_ < 0) first_ = e.epoch;
  const double left = e.seconds / (e.epoch + 1 - first_) * (e.epochs - e.epoch - 1);
  const std::optional<Score>& judged = e.validation ? e.validation : e.test;
  out_.print(format("%3d/%-4d %9s %7.4f %12s %17s %6s", e.epoch + 1, e.epochs,
                    thousands(static_cast<std::int64_t>(e.images_per_second)).c_str(),
                    e.training.loss, error(e.training.top1_error).c_str(),
                    judged ? error(judged->top1_error).c_str() : "", duration(left).c_str()));
  if (e.validation && (best_epoch_ == 0 || e.validation->top1_error < best_)) {
    best_ = e.validation->top1_error;
    best_epoch_ = e.epoch + 1;
  }
  records_.push_back(e);
}

std::string EpochTable::error(double e) const {
  return mse_ ? format("%.3f", e) : format("%.1f %%", 100 * e);
}

void print_end(const CommandContext& c, const Run& run, const EpochTable& table, TrainOutput& out) {
  const std::string folder = shell_word(run.folder().string()), self = shell_word(c.program);
  const std::optional<Score> test = run.test_score();
  const bool mse = run.trainer().recipe().train.loss == "mse";
  std::string line;
  if (table.best_epoch() > 0) {
    line = format("validation error at best %s (epoch %d, checkpoints/best.safetensors); ",
                  table.error(table.best_validation()).c_str(), table.best_epoch());
  }
  if (test) {
    line += "test error " + table.error(test->top1_error);
    if (!mse) line += format(" (accuracy %.2f %%)", 100 * (1 - test->top1_error));
    line += ", " + thousands(test->images) + " images, last weights; ";
  }
  line += "trained " + duration(run.training_seconds()) + ", peak memory " + bytes(peak_memory());
  if (test) line += "      * shown only; nothing is chosen by it";
  out.print(line);
  out.print("model    " + (run.folder() / "model.safetensors").string() + "; report " +
            (run.folder() / "report.html").string());
  const std::string where = " --data " + shell_word(run.data().path.string());
  const auto [part, pictures] = part_to_judge(run);
  const std::string split = part == std::string("test") ? "" : std::string(" --split ") + part;
  out.print("next     " + self + " evaluate --run " + folder + where + split);
  out.print("         " + self + " classify --run " + folder + where + " --index " +
            std::to_string(std::min<std::int64_t>(17, pictures - 1)));
  out.print("         " + self +
            " train --preset alexnet-2012 --data YOUR_FOLDER        "
            "(docs/train-your-photographs.md)");
}

}  // namespace fovea::cli
