#include <fovea/core/buffer.h>
#include <fovea/core/elapsed.h>
#include <fovea/core/memory_resource.h>
#include <fovea/core/philox.h>
#include <fovea/kernels/registry/timing_tuner.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

namespace fovea {
namespace {

constexpr int kVariantsOfOne = 8;  // of an algorithm, best guess first
constexpr int kFewestTimes = 5, kMostTimes = 50;
constexpr double kBudget = 0.1e6;  // us for one problem, once all have run kFewestTimes
constexpr double kHopeless = 2;    // times the best: not worth a second run

// Operands of one problem in device memory. Numbers are positive, normal and not alike.
class Operands {
 public:
  Operands(const TuningQuestion& q, StreamView stream) : stream_{stream} {
    for (std::size_t i = 0; i < q.operands.size(); ++i) {
      TensorView view = q.operands[i];
      if (view.shape.rank() > 0) {
        memory_.push_back(Buffer(view.bytes(), stream, default_resource(stream.device())));
        view.data = memory_.back().data();
        fill(q, i, view);
      }
      views_.push_back(view);
    }
    StepState state;
    state.learning_rate = 1e-6F;
    state.valid = views_.empty() || views_.front().shape.rank() == 0
                      ? 0
                      : static_cast<std::int32_t>(views_.front().shape[0]);
    memory_.push_back(Buffer(sizeof(state), stream, default_resource(stream.device())));
    state_ = static_cast<StepState*>(memory_.back().data());
    stream.copy(state_, &state, sizeof(state));
    stream.synchronize();
  }
  std::span<const TensorView> views() const { return views_; }
  StepState* state() const { return state_; }

 private:
  void fill(const TuningQuestion& q, std::size_t i, const TensorView& view) const {
    if (view.dtype == DType::i32) {  // labels: the first class
      stream_.fill(view.data, 0, view.bytes());
      return;
    }
    std::vector<std::byte> bytes;
    if (view.dtype == DType::u8) {
      bytes.resize(view.bytes(), std::byte{100});
      q.sample(i, bytes);
    } else {
      bytes = some_numbers(view.dtype, std::min(view.bytes(), kBlock));
    }
    for (std::size_t at = 0; at < view.bytes(); at += bytes.size()) {
      stream_.copy(static_cast<std::byte*>(view.data) + at, bytes.data(),
                   std::min(bytes.size(), view.bytes() - at));
    }
    stream_.synchronize();
  }
  // In [0.05, 1), seeded.
  static std::vector<std::byte> some_numbers(DType type, std::size_t bytes) {
    std::vector<std::byte> all(bytes);
    const Philox bits{1, 0};
    for (std::size_t i = 0; i < bytes / size_of(type); ++i) {
      const float v = 0.05F + 0.95F * uniform(bits(i / 4)[i % 4]);
      if (type == DType::f32) {
        std::memcpy(&all[4 * i], &v, sizeof(v));
      } else {
        const bf16 narrow = to_bf16(v);
        std::memcpy(&all[2 * i], &narrow, sizeof(narrow));
      }
    }
    return all;
  }

  static constexpr std::size_t kBlock = std::size_t{1} << 22;  // repeated in larger operands
  StreamView stream_;
  std::vector<Buffer> memory_;
  std::vector<TensorView> views_;
  StepState* state_ = nullptr;
};

struct Entrant {
  std::size_t candidate = 0;
  std::unique_ptr<Launch> launch;
  std::vector<double> us;
  double median() const {
    std::vector<double> sorted = us;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

// A candidate that took no part, and why.
struct PassedOver {
  std::size_t candidate = 0;
  std::string reason;
  std::string_view kind;  // as TuningEntry says it
};

// All candidates of one question, timed in turns, so that a slow moment of the machine hits them
// alike.
class Race {
 public:
  explicit Race(const TuningQuestion& q) : question_{q}, stream_{q.device.device} {
    const Operands operands(q, stream_);
    enter();
    run(operands);
  }
  /// In the order of candidates.
  const std::vector<Entrant>& entrants() const { return entrants_; }
  const std::vector<PassedOver>& passed_over() const { return passed_over_; }

 private:
  void enter() {
    std::map<std::string, int> taken;
    for (std::size_t i = 0; i < question_.candidates.size(); ++i) {
      const TuningCandidate& c = question_.candidates[i];
      if (++taken[c.engine + ":" + c.algorithm] > kVariantsOfOne) continue;
      try {
        Entrant e{i, c.prepare(), {}};
        if (e.launch->workspace_bytes() > workspace_.bytes()) {
          workspace_ = Buffer(e.launch->workspace_bytes(), stream_,
                              default_resource(question_.device.device));
        }
        entrants_.push_back(std::move(e));
      } catch (const Error& e) {  // also memory: what cannot be had here is not the fastest
        pass_over(i, e);
      }
    }
  }

  void run(const Operands& operands) {
    std::erase_if(entrants_, [&](Entrant& e) {
      try {
        e.launch->bind(operands.views(), {workspace_.data(), operands.state()});
        e.launch->run(stream_);  // first use: code is loaded, scratch memory taken
        stream_.view().synchronize();
        time(e);
        return false;
      } catch (const Error& error) {
        pass_over(e.candidate, error);
        return true;
      }
    });
    if (entrants_.empty()) return;
    const double best = std::ranges::min_element(entrants_, {}, &first)->us.front();
    double spent = 0;
    for (int turn = 1; turn < kMostTimes && (turn < kFewestTimes || spent < kBudget); ++turn) {
      for (Entrant& e : entrants_) {
        if (e.us.front() <= kHopeless * best) spent += time(e);
      }
    }
  }
  void pass_over(std::size_t candidate, const Error& e) {
    const bool declined = dynamic_cast<const Unsupported*>(&e) != nullptr;
    passed_over_.push_back(
        {candidate, e.what(), declined ? TuningEntry::kDeclined : TuningEntry::kFailed});
  }
  static double first(const Entrant& e) { return e.us.front(); }
  double time(Entrant& e) {
    e.us.push_back(elapsed_us([&] { e.launch->run(stream_); }, stream_));
    return e.us.back();
  }

  const TuningQuestion& question_;
  Stream stream_;
  Buffer workspace_;
  std::vector<Entrant> entrants_;
  std::vector<PassedOver> passed_over_;
};

std::string name_of_candidate(const TuningCandidate& c) { return c.engine + ":" + c.algorithm; }

std::string times_text(const TuningEntry& e) {
  char text[32];
  std::string all;
  std::snprintf(text, sizeof(text), "%.1f us", e.us);
  if (e.us > 0) all = text;
  for (const auto& [name, us] : e.timed) {
    if (name == e.engine + ":" + e.algorithm) continue;
    std::snprintf(text, sizeof(text), " %.1f", us);
    all += (all.empty() ? "" : ", ") + name + text;
  }
  return all;
}

std::string text_of(const TuningEntry& e) {
  std::string text = "fastest: " + times_text(e) + (e.us > 0 ? "" : "by the tuning file");
  for (const auto& [name, kind] : e.passed_over) {
    text += "; " + name + " " + kind;
  }
  return text;
}

bool names(const auto& list, const std::string& name) {
  return std::ranges::any_of(list, [&](const auto& one) { return one.first == name; });
}

// Whether the entry was found with this candidate beside it; what a person wrote, without times,
// holds whatever is there.
bool was_tried(const TuningEntry& e, const TuningCandidate& c) {
  const std::string name = name_of_candidate(c);
  return e.timed.empty() || names(e.timed, name) || names(e.passed_over, name);
}

// The entry's winner among the candidates, ready; none where the entry does not hold any more, and
// why not.
TuningAnswer answer_by(const TuningEntry& e, const TuningQuestion& q, std::string& why_not) {
  TuningAnswer answer;
  const std::string winner = way_text(e.engine, e.algorithm, e.variant);
  for (std::size_t i = 0; i < q.candidates.size(); ++i) {
    const TuningCandidate& c = q.candidates[i];
    if (!was_tried(e, c)) {
      why_not = name_of_candidate(c) + " was not tried";
      return {};
    }
    if (way_text(c.engine, c.algorithm, c.variant) == winner) answer.winner = i;
  }
  const TuningCandidate& c = q.candidates[answer.winner];
  if (way_text(c.engine, c.algorithm, c.variant) != winner) {
    why_not = winner + " cannot run it here";
    return {};
  }
  try {
    answer.launch = c.prepare();
    answer.why = text_of(e);
    answer.us = e.us;
  } catch (const Error& error) {
    why_not = winner + ": " + error.what();
  }
  return answer;
}

TuningEntry entry_of(const TuningQuestion& q, const Race& race, std::size_t& winner) {
  TuningEntry entry;
  for (const Entrant& e : race.entrants()) {
    const TuningCandidate& c = q.candidates[e.candidate];
    const double us = e.median();
    if (entry.engine.empty() || us < entry.us) {
      entry = {.engine = c.engine,
               .algorithm = c.algorithm,
               .variant = c.variant,
               .us = us,
               .timed = std::move(entry.timed),
               .passed_over = {}};
      winner = e.candidate;
    }
    const auto known = std::ranges::find(entry.timed, name_of_candidate(c),
                                         &std::pair<std::string, double>::first);
    if (known == entry.timed.end()) {
      entry.timed.emplace_back(name_of_candidate(c), us);
    } else {
      known->second = std::min(known->second, us);
    }
  }
  for (const PassedOver& p : race.passed_over()) {
    const std::string name = name_of_candidate(q.candidates[p.candidate]);
    if (names(entry.timed, name) || names(entry.passed_over, name)) continue;
    entry.passed_over.emplace_back(name, p.kind);
  }
  return entry;
}

}  // namespace

TimingTuner::TimingTuner(TuningTable known, std::function<void(const TuningTable&)> on_new)
    : known_{std::move(known)}, on_new_{std::move(on_new)} {}

TuningAnswer TimingTuner::fastest(const TuningQuestion& q) {
  if (q.candidates.size() == 1 && !q.alone_too) {
    TuningAnswer only = FirstGuess().fastest(q);
    only.why = "nothing else can run it";
    return only;
  }
  const std::string machine = tuning_machine(q.device), question = question_text(q);
  std::string why_not;
  if (const TuningEntry* e = known_.find(machine, question)) {
    TuningAnswer answer = answer_by(*e, q, why_not);
    if (answer.launch) {
      if (used_.find(machine, question) == nullptr) ++known_used_;
      used_.put(machine, question, *e);
      return answer;
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  TuningAnswer answer;
  const Race race(q);
  for (const PassedOver& p : race.passed_over()) {
    answer.passed_over.emplace_back(p.candidate, p.reason);
  }
  if (race.entrants().empty()) return answer;
  const TuningEntry entry = entry_of(q, race, answer.winner);
  answer.launch = q.candidates[answer.winner].prepare();
  answer.why = "fastest: " + times_text(entry);
  answer.us = entry.us;
  if (!why_not.empty()) answer.why += "; measured again: " + why_not;
  for (TuningTable* table : {&known_, &used_}) table->put(machine, question, entry);
  ++measured_;
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (on_new_) on_new_(used_);
  return answer;
}

std::string TimingTuner::summary() const {
  if (measured_ + known_used_ == 0) return "";
  char text[96];
  std::snprintf(text, sizeof(text), "%d problem%s timed in %.1f s, %d known", measured_,
                measured_ == 1 ? "" : "s", seconds_, known_used_);
  return text;
}

}  // namespace fovea
