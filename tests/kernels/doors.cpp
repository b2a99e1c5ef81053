#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/ops/launch.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/kernels/doors.h>
#include <fovea/tests/support/coverage_table.h>
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/problem_lists.h>
#include <fovea/tests/support/sanitized.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

namespace fovea::test {
namespace {

constexpr std::uint64_t kSeed = 1;

Device device_of(DeviceKind kind) {
  return kind == DeviceKind::cpu    ? Device::cpu()
         : kind == DeviceKind::cuda ? Device::cuda()
                                    : Device::emulated();
}

// The input gradient of a first layer, which no net asks for: 3 channels for tiles of 96 columns
// take the emulator long.
template <class Op>
bool is_never_computed(const typename Op::Problem& p) {
  if constexpr (std::is_same_v<Op, ConvDgrad>) return p.c <= 3 && p.flops() > 50'000'000;
  return false;
}

using Subjects = std::vector<std::unique_ptr<Subject>>;

// The problems of a list as a device takes them.
template <class Op>
Subjects subjects_of(const std::string& list, DeviceKind kind) {
  Subjects all;
  for (const auto& p : problems<Op>(list)) {
    if (kind == DeviceKind::emulated && is_never_computed<Op>(p)) continue;
    all.push_back(Typed<Op>::subject(p));
  }
  return all;
}

const Registry& registry() {
  static const Registry all = default_registry();
  return all;
}

// An algorithm of the registry, in a math mode.
struct Tested {
  std::string_view op;
  Pass pass;
  AlgorithmFacts facts;
  Subjects (*subjects)(const std::string& list, DeviceKind kind);

  std::string full_name() const {
    return std::string(op) + " " + std::string(name_of(pass)) + " " + facts.engine + ":" +
           facts.name + " " + std::string(name_of(facts.math));
  }
  std::unique_ptr<Trial> trial_on(const Subject& subject) const {
    for (auto& trial : subject.trials(registry())) {
      const AlgorithmFacts& a = trial->algorithm();
      const bool same = a.engine == facts.engine && a.name == facts.name && a.math == facts.math &&
                        a.devices == facts.devices;
      if (same) return std::move(trial);
    }
    throw InvalidArgument("no algorithm is called " + full_name());
  }
};

// Whether an op has activations, which lie in bf16 in a net of that mode.
template <class Op>
bool takes_activations() {
  return any_narrow(Typed<Op>::subject(problems<Op>("edge").front())->operands());
}

// All on a device kind but the reference, which the others are compared with.
std::vector<Tested> algorithms_on(DeviceKind kind) {
  std::vector<Tested> all;
  registry().for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (const Algorithm<Op>& a : list) {
      if (!contains(a.devices, kind) || a.engine == "reference") continue;
      all.push_back({Op::kName, Op::kPass, facts_of(a), &subjects_of<Op>});
      if (!a.bf16_tensors || !takes_activations<Op>()) continue;
      all.push_back(all.back());
      all.back().facts.math = Math::bf16;
    }
  });
  return all;
}

// The problem as the algorithm's tests see it, or why not.
Verdict verdict_of(const Trial& trial, const DeviceInfo& device) {
  const AlgorithmFacts& a = trial.algorithm();
  const Verdict v = trial.verdict(device, a.math);
  return v ? trial.offers(device, {}) : v;
}

std::string reproduce(const Tested& a, const Variant& variant, const DeviceInfo& device,
                      const Subject& subject, Values values) {
  return a.full_name() + " '" + variant + "' on " + to_string(device.device) + ": " +
         std::string(a.op) + ":" + subject.facts().problem +
         (values == Values::integers ? ", integers" : ", reals");
}

// Calls f(subject, trial) for those of a list that the algorithm takes, until one fails; notes
// each.
template <class F>
void for_each_taken(const Tested& a, const std::string& list, const std::string& column,
                    const DeviceInfo& device, const F& f) {
  for (const auto& subject : a.subjects(list, device.device.kind())) {
    const auto trial = a.trial_on(*subject);
    if (const Verdict v = verdict_of(*trial, device); !v) {
      CoverageTable::instance().declined(a.full_name(), column, v.why_not);
      continue;
    }
    f(*subject, *trial);
    CoverageTable::instance().ran(a.full_name(), column);
    if (::testing::Test::HasFailure()) return;  // the first problem that fails says enough
  }
}

void compare(const Tested& a, const std::string& list, const DeviceInfo& device) {
  // AlexNet's layers take the emulator seconds each; no value changes which memory is used.
  const bool emulated = device.device.kind() == DeviceKind::emulated;
  const bool brief = emulated && (list == "alexnet" || kSanitized);
  std::size_t turn = 0;
  for_each_taken(a, list, list, device, [&](const Subject& subject, const Trial& trial) {
    // The first variant, and one more, the next in turn.
    std::vector<Variant> variants = trial.variants(device, {});
    if (brief) {
      variants = {variants[list == "alexnet" ? 0 : turn++ % variants.size()]};
    } else if (variants.size() > 1) {
      variants = {variants.front(), variants[1 + turn++ % (variants.size() - 1)]};
    }
    for (const Values values : {Values::integers, Values::reals}) {
      if (brief && values == Values::reals) continue;
      const CaseValues in = make_values(subject, values, kSeed, a.facts.math);
      const CaseValues reference = run_reference(subject, in);
      for (const Variant& variant : variants) {
        SCOPED_TRACE(reproduce(a, variant, device, subject, values));
        const bool again = values == Values::integers && !brief;
        try {
          expect_right(subject, trial, variant, device, in, reference, values, {.again = again});
        } catch (const Unsupported& e) {  // a library offers what it then cannot build
          if (a.facts.engine == "fovea") throw;
          CoverageTable::instance().declined(a.full_name(), list, e.what());
        }
      }
    }
  });
}

// The order of threads and the moment of asynchronous work must not matter: the bits of the default
// schedule under all of them, on problems small enough for that many runs.
void compare_schedules(const Tested& a, const DeviceInfo& device) {
  std::size_t taken = 0;
  for_each_taken(
      a, "schedules", "schedules", device, [&](const Subject& subject, const Trial& trial) {
        const std::vector<Variant> variants = trial.variants(device, {});
        const Variant& variant = variants[taken++ % variants.size()];
        const CaseValues in = make_values(subject, Values::integers, kSeed, a.facts.math);
        const CaseValues reference = run_reference(subject, in);
        std::optional<CaseValues> first;
        for (const Schedule& schedule : all_schedules()) {
          SCOPED_TRACE(reproduce(a, variant, device, subject, Values::integers) + ", " +
                       to_string(schedule));
          const ScopedSchedule scoped(schedule);
          const CaseValues got =
              expect_right(subject, trial, variant, device, in, reference, Values::integers,
                           {.again = false, .in_place = false});
          if (first) {
            expect_close(subject, got, in, *first, true, a.facts.math);
          }
          if (!first) first = got;
        }
      });
}

std::string test_name(const Tested& a, const std::string& list) {
  std::string name = a.full_name() + " " + list;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

// Tensor-core kernels in tf32 and bf16 differ in how a fragment is packed alone, other kernels in
// how they load and store; the emulator takes long. So modes share the two longest lists.
bool shared_by_modes(Math math, const std::string& list) {
  return (math == Math::bf16 && list == "alexnet") || (math == Math::tf32 && list == "random");
}

}  // namespace

std::vector<Door> doors(DeviceKind kind) {
  std::vector<Door> all;
  for (const Tested& a : algorithms_on(kind)) {
    for (const std::string& list : kLists) {
      if (a.subjects(list, DeviceKind::cpu).empty()) continue;
      // Fovea's kernels see in a third image what they see in the sixteenth.
      if (kind == DeviceKind::emulated && list == "images") continue;
      if (kind == DeviceKind::emulated && shared_by_modes(a.facts.math, list)) continue;
      all.push_back({test_name(a, list),
                     [a, list, kind] { compare(a, list, device_info(device_of(kind))); }});
    }
    if (kind != DeviceKind::emulated) continue;
    all.push_back({test_name(a, "schedules"),
                   [a, kind] { compare_schedules(a, device_info(device_of(kind))); }});
  }
  return all;
}

namespace {

// FNV-1a over the outputs, as 16 hexadecimal digits.
std::string hash_of(const Subject& subject, const CaseValues& c) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::size_t i = 0; i < c.tensors.size(); ++i) {
    if (subject.operands()[i].role == Role::in) continue;
    for (const std::byte b : c.tensors[i].bytes) {
      hash = (hash ^ static_cast<std::uint64_t>(b)) * 0x100000001b3ULL;
    }
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

std::map<std::string, std::string> golden_results(DeviceKind kind) {
  std::map<std::string, std::string> results;
  const DeviceInfo device = device_info(device_of(kind));
  for (const Tested& a : algorithms_on(kind)) {
    // A card's tensor cores round sums in a way of their own.
    const AlgorithmFacts& facts = a.facts;
    if (facts.engine != "fovea" || !facts.exact_on_integers || facts.math != Math::fp32) continue;
    for (const auto& subject : a.subjects("schedules", DeviceKind::cpu)) {
      const auto trial = a.trial_on(*subject);
      if (!subject->facts().exact_on_integers || !verdict_of(*trial, device)) continue;
      const Variant variant = trial->variants(device, {}).front();
      const CaseValues in = make_values(*subject, Values::reals, kSeed, facts.math);
      Execution execution(*subject, *trial, variant, device, in, false);
      results[a.full_name() + " '" + variant + "' " + subject->facts().problem + " seed " +
              std::to_string(kSeed)] = hash_of(*subject, execution.run());
    }
  }
  return results;
}

std::vector<std::string> algorithms_never_reached(DeviceKind kind) {
  const DeviceInfo device = device_info(device_of(kind));
  std::vector<std::string> unreached;
  const std::vector<LibraryStatus> libraries = library_status();
  const auto is_reached = [&](const Tested& a) {
    return std::ranges::any_of(kLists, [&](const std::string& list) {
      return std::ranges::any_of(a.subjects(list, DeviceKind::cpu), [&](const auto& subject) {
        return static_cast<bool>(verdict_of(*a.trial_on(*subject), device));
      });
    });
  };
  for (const Tested& a : algorithms_on(kind)) {
    const bool missing = std::ranges::any_of(
        libraries, [&](const LibraryStatus& l) { return l.engine == a.facts.engine && !l.works; });
    if (missing || is_reached(a)) continue;
    unreached.push_back(a.full_name());
  }
  return unreached;
}

}  // namespace fovea::test
