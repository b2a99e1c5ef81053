// baseline.cpp - a comparison beside an older one; the machine that it was made on.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/card_state.h>
#include <fovea/kernels/compare/report.h>

#include <cstdio>
#include <map>

namespace fovea::compare {
namespace {

constexpr double kNoticeable = 1.03;

std::string key(const Row& r) {
  std::string k = r.problem + " " + std::string(name_of(r.pass)) + " " +
                  std::string(name_of(r.math)) + " " + r.engine + ":" + r.algorithm;
  if (!r.variant.empty()) k += ":" + r.variant;
  if (r.layout != "nhwc") k += " " + r.layout;
  return k + " on " + r.device;
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
          .power_limit_w = card.power_limit_w};
}

std::vector<Regression> regressions(const Report& old, const Report& now) {
  require_same("device", old.machine.device, now.machine.device);
  require_same("capability", std::to_string(old.machine.capability),
               std::to_string(now.machine.capability));
  require_same("driver", old.machine.driver, now.machine.driver);
  require_same("cpu", old.machine.cpu, now.machine.cpu);
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
