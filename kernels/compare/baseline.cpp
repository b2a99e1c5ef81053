// baseline.cpp - a comparison beside an older one; the machine that it was made on.
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/compare/card_state.h>
#include <fovea/kernels/compare/report.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

namespace fovea::compare {
namespace {

constexpr double kNoticeable = 1.03;

// Whose row it is: a row that is declined has neither variant nor layout.
std::string algorithm_key(const Row& r) {
  return r.problem + " " + std::string(name_of(r.pass)) + " " + std::string(name_of(r.math)) + " " +
         r.engine + ":" + r.algorithm;
}

std::string key(const Row& r) {
  std::string k = algorithm_key(r);
  if (!r.variant.empty()) k += ":" + r.variant;
  if (r.layout != "nhwc") k += " " + r.layout;
  return k + " on " + r.device;
}

std::set<std::string> keys(const Report& report, std::string (*key_of)(const Row&), bool ran) {
  std::set<std::string> all;
  for (const Row& r : report.rows) {
    if (has_run(r.status) == ran) all.insert(key_of(r));
  }
  return all;
}

void require_same(const char* what, const std::string& old, const std::string& now) {
  if (old == now) return;
  throw InvalidArgument("the baseline is of another machine: " + std::string(what) + " was '" +
                        old + "' and is '" + now +
                        "'; times of different machines say nothing about each other");
}

std::string was(const char* what, double now, double old) {
  char text[120];
  std::snprintf(text, sizeof(text), "%s %.1f us, was %.1f us (%+.1f %%)", what, now, old,
                100 * (now / old - 1));
  return text;
}

}  // namespace

Machine machine_of(const Device& device) {
  const DeviceInfo d = device_info(device);
  const CardState card = card_state(device);
  return {.device = d.name,
          .capability = d.capability,
          .driver = card.driver,
          .cuda = {},
          .cudnn = {},
          .onednn = {},
          .cpu = device_info(Device::cpu()).name,
          .clock_mhz = card.clock_mhz,
          .power_limit_w = card.power_limit_w,
          .threads = device.kind() == DeviceKind::cpu ? ThreadPool::shared().threads() : 0};
}

std::vector<std::string> changes(const Report& old, const Report& now) {
  std::vector<std::string> found;
  const auto compare = [&](const char* what, const std::string& before, const std::string& after) {
    if (before == after) return;
    found.push_back(std::string(what) + " was '" + before + "' and is '" + after + "'");
  };
  const auto watts = [](double w) { return w > 0 ? std::to_string(std::lround(w)) + " W" : ""; };
  const Machine &a = old.machine, &b = now.machine;
  compare("fovea", old.fovea, now.fovea);
  compare("driver", a.driver, b.driver);
  compare("CUDA", a.cuda, b.cuda);
  compare("cuDNN", a.cudnn, b.cudnn);
  compare("oneDNN", a.onednn, b.onednn);
  compare("power limit", watts(a.power_limit_w), watts(b.power_limit_w));
  return found;
}

std::size_t rows_in_both(const Report& old, const Report& now) {
  const auto before = keys(old, key, true);
  const auto after = keys(now, key, true);
  return static_cast<std::size_t>(
      std::ranges::count_if(after, [&](const std::string& k) { return before.contains(k); }));
}

std::vector<std::string> stopped_running(const Report& old, const Report& now) {
  const auto before = keys(old, algorithm_key, true);
  std::vector<std::string> found;
  for (const Row& r : now.rows) {
    if (has_run(r.status) || !before.contains(algorithm_key(r))) continue;
    found.push_back(algorithm_key(r) + " ran, and is " + std::string(name_of(r.status)) +
                    " now: " + r.why);
  }
  return found;
}

std::size_t rows_missing(const Report& old, const Report& now) {
  const auto after = keys(now, key, true);
  const auto stopped = keys(now, algorithm_key, false);
  return static_cast<std::size_t>(std::ranges::count_if(old.rows, [&](const Row& r) {
    return has_run(r.status) && !after.contains(key(r)) && !stopped.contains(algorithm_key(r));
  }));
}

std::vector<Regression> regressions(const Report& old, const Report& now) {
  require_same("device", old.machine.device, now.machine.device);
  require_same("capability", std::to_string(old.machine.capability),
               std::to_string(now.machine.capability));
  require_same("cpu", old.machine.cpu, now.machine.cpu);
  if (old.machine.threads != 0 && now.machine.threads != 0) {
    require_same("threads", std::to_string(old.machine.threads),
                 std::to_string(now.machine.threads));
  }
  std::map<std::string, const Row*> before;
  for (const Row& r : old.rows) before.emplace(key(r), &r);
  std::vector<Regression> found;
  for (const Row& r : now.rows) {
    const auto match = before.find(key(r));
    if (match == before.end()) continue;
    const Row& o = *match->second;
    if (r.times && o.times && r.times->p10 > o.times->p90 &&
        r.times->median > kNoticeable * o.times->median) {
      found.push_back({key(r), was("median", r.times->median, o.times->median)});
    }
    if (r.counted && o.counted && r.counted->floor.us > kNoticeable * o.counted->floor.us) {
      found.push_back(
          {key(r), was("floor by counted work", r.counted->floor.us, o.counted->floor.us)});
    }
  }
  return found;
}

}  // namespace fovea::compare
