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
#include <optional>

namespace fovea::test {
namespace {

constexpr std::uint64_t kSeed = 1;

Device device_of(DeviceKind kind) {
  return kind == DeviceKind::cpu    ? Device::cpu()
         : kind == DeviceKind::cuda ? Device::cuda()
                                    : Device::emulated();
}

template <class Op>
std::string full_name(const Algorithm<Op>& a) {
  return std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + a.engine + ":" +
         a.name + " " + std::string(name_of(a.math));
}

// The problem as the algorithm's tests see it, or why not.
template <class Op>
Verdict verdict_of(const Algorithm<Op>& a, const typename Op::Problem& p, const DeviceInfo& d) {
  if (storage_of(a) == Math::bf16) return Verdict::no("bf16 operands: compared by their own tests");
  const Verdict v = verdict(a, p, d, a.math);
  return v ? offers(a, p, d, {}) : v;
}

template <class Op>
std::string reproduce(const Algorithm<Op>& a, const Variant& variant, const DeviceInfo& device,
                      const typename Op::Problem& problem, Values values) {
  return full_name(a) + " '" + variant + "' on " + to_string(device.device) + ": " +
         std::string(Op::kName) + ":" + to_string(problem) +
         (values == Values::integers ? ", integers" : ", reals");
}

// The input gradient of a first layer, which no net asks for: 3 channels for tiles of 96 columns
// take the emulator long.
template <class Op>
bool is_never_computed(const typename Op::Problem& p) {
  if constexpr (std::is_same_v<Op, ConvDgrad>) return p.c <= 3 && p.flops() > 50'000'000;
  return false;
}

// Calls f(problem) for those of a list that the algorithm takes, until one fails; notes each.
template <class Op, class F>
void for_each_taken(const Algorithm<Op>& a, const std::string& list, const std::string& column,
                    const DeviceInfo& device, const F& f) {
  for (const auto& problem : problems<Op>(list)) {
    if (is_never_computed<Op>(problem) && device.device.kind() == DeviceKind::emulated) continue;
    if (const Verdict v = verdict_of(a, problem, device); !v) {
      CoverageTable::instance().declined(full_name(a), column, v.why_not);
      continue;
    }
    f(problem);
    CoverageTable::instance().ran(full_name(a), column);
    if (::testing::Test::HasFailure()) return;  // the first problem that fails says enough
  }
}

template <class Op>
void compare(const Algorithm<Op>& a, const std::string& list, const DeviceInfo& device) {
  // AlexNet's layers take the emulator seconds each; no value changes which memory is used.
  const bool emulated = device.device.kind() == DeviceKind::emulated;
  const bool brief = emulated && (list == "alexnet" || kSanitized);
  std::size_t turn = 0;
  for_each_taken(a, list, list, device, [&](const typename Op::Problem& problem) {
    // The first variant, and one more, the next in turn.
    std::vector<Variant> variants = variants_of(a, problem, device, {});
    if (brief) {
      variants = {variants[list == "alexnet" ? 0 : turn++ % variants.size()]};
    } else if (variants.size() > 1) {
      variants = {variants.front(), variants[1 + turn++ % (variants.size() - 1)]};
    }
    for (const Values values : {Values::integers, Values::reals}) {
      if (brief && values == Values::reals) continue;
      const Case<Op> in = make_case<Op>(problem, values, kSeed, a.math);
      const Case<Op> reference = run_reference(in);
      for (const Variant& variant : variants) {
        SCOPED_TRACE(reproduce(a, variant, device, problem, values));
        const bool again = values == Values::integers && !brief;
        expect_right(a, variant, device, in, reference, values, {.again = again});
      }
    }
  });
}

// The order of threads and the moment of asynchronous work must not matter: the bits of the default
// schedule under all of them, on problems small enough for that many runs.
template <class Op>
void compare_schedules(const Algorithm<Op>& a, const DeviceInfo& device) {
  std::size_t taken = 0;
  for_each_taken(a, "schedules", "schedules", device, [&](const typename Op::Problem& problem) {
    const std::vector<Variant> variants = variants_of(a, problem, device, {});
    const Variant& variant = variants[taken++ % variants.size()];
    const Case<Op> in = make_case<Op>(problem, Values::integers, kSeed, a.math);
    const Case<Op> reference = run_reference(in);
    std::optional<Case<Op>> first;
    for (const Schedule& schedule : all_schedules()) {
      SCOPED_TRACE(reproduce(a, variant, device, problem, Values::integers) + ", " +
                   to_string(schedule));
      const ScopedSchedule scoped(schedule);
      const Case<Op> got = expect_right(a, variant, device, in, reference, Values::integers,
                                        {.again = false, .in_place = false});
      if (first) expect_close(got, in, *first, true, a.math, storage_of(a));
      if (!first) first = got;
    }
  });
}

template <class Op>
std::string test_name(const Algorithm<Op>& a, const std::string& list) {
  std::string name = full_name(a) + " " + list;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

// f(algorithm) for each algorithm on a device kind but the reference, which the others are
// compared with.
template <class F>
void for_each_algorithm(DeviceKind kind, const F& f) {
  default_registry().for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (const Algorithm<Op>& a : list) {
      if (contains(a.devices, kind) && a.engine != "reference") f(a);
    }
  });
}

// Tensor-core kernels in tf32 and bf16 differ in how a fragment is packed alone; the emulator takes
// long. So they share the two longest lists.
bool shared_by_modes(Math math, const std::string& list) {
  return (math == Math::bf16 && list == "alexnet") || (math == Math::tf32 && list == "random");
}

}  // namespace

std::vector<Door> doors(DeviceKind kind) {
  std::vector<Door> all;
  for_each_algorithm(kind, [&]<class Op>(const Algorithm<Op>& a) {
    for (const std::string& list : kLists) {
      if (problems<Op>(list).empty()) continue;
      if (kind == DeviceKind::emulated && shared_by_modes(a.math, list)) continue;
      all.push_back({test_name(a, list),
                     [a, list, kind] { compare(a, list, device_info(device_of(kind))); }});
    }
    if (kind != DeviceKind::emulated) return;
    all.push_back({test_name(a, "schedules"),
                   [a, kind] { compare_schedules(a, device_info(device_of(kind))); }});
  });
  return all;
}

namespace {

// FNV-1a over the outputs, as 16 hexadecimal digits.
template <class Op>
std::string hash_of(const Case<Op>& c) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto operands = OpTraits<Op>::operands(c.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].role == Role::in) continue;
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
  for_each_algorithm(kind, [&]<class Op>(const Algorithm<Op>& a) {
    // A card's tensor cores round sums in a way of their own.
    if (a.engine != "fovea" || !a.exact_on_integers || a.math != Math::fp32) return;
    for (const auto& problem : problems<Op>("schedules")) {
      if (!OpTraits<Op>::exact_on_integers(problem) || !verdict_of(a, problem, device)) continue;
      const Variant variant = variants_of(a, problem, device, {}).front();
      const Case<Op> in = make_case<Op>(problem, Values::reals, kSeed, a.math);
      Execution<Op> execution(a, variant, device, in, false);
      results[full_name(a) + " '" + variant + "' " + to_string(problem) + " seed " +
              std::to_string(kSeed)] = hash_of(execution.run());
    }
  });
  return results;
}

std::vector<std::string> algorithms_never_reached(DeviceKind kind) {
  const DeviceInfo device = device_info(device_of(kind));
  std::vector<std::string> unreached;
  const std::vector<LibraryStatus> libraries = library_status();
  for_each_algorithm(kind, [&]<class Op>(const Algorithm<Op>& a) {
    const bool missing = std::ranges::any_of(
        libraries, [&](const LibraryStatus& l) { return l.engine == a.engine && !l.works; });
    if (storage_of(a) == Math::bf16 || missing) return;
    for (const std::string& list : kLists) {
      for (const auto& p : problems<Op>(list)) {
        if (verdict_of(a, p, device)) return;
      }
    }
    unreached.push_back(full_name(a));
  });
  return unreached;
}

}  // namespace fovea::test
