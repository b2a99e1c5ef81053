// policy.h - who computes: an ordered list of engines, per run and per layer.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/error.h>
#include <fovea/kernels/ops/choices.h>
#include <fovea/kernels/ops/tuner.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// "fovea" (any of its algorithms), "fovea:direct_tiled" (that one alone), or a word: "fastest" (of
/// all engines but the reference what takes the least time here), "smallest" (likewise, the least
/// workspace), "check:onednn,reference" (onednn computes, the reference does too, and a difference
/// ends the step with an Error that names the layer; both must be able to).
struct EngineName {
  std::string engine, algorithm;
  std::string checker = {}, checker_algorithm = {};
  friend bool operator==(const EngineName&, const EngineName&) = default;
};
inline constexpr std::string_view kFastest = "fastest", kSmallest = "smallest";
constexpr bool is_word(std::string_view engine) {
  return engine == kFastest || engine == kSmallest;
}
/// The engine that words pass over.
inline constexpr std::string_view kReference = "reference";

/// A layer-name pattern ("conv*") with the list that holds for the layers it matches.
struct LayerEngines {
  std::string pattern;
  std::vector<EngineName> engines;
};

/// For each op the first engine in the list that can run it. One name alone is strict.
struct FOVEA_API Policy {
  std::vector<EngineName> engines;
  std::vector<LayerEngines> layers;  // the last that matches wins
  Limits limits;
  /// Asked by `fastest`; executors make one where it is needed and nullptr.
  std::shared_ptr<Tuner> tuner = nullptr;
  /// What computed a run that goes on: comes before every list. nullptr: nothing is recorded.
  std::shared_ptr<const ChoiceRecords> recorded = nullptr;
  /// With `recorded`: what cannot be computed as recorded is refused by NotRepeatable; else the
  /// list says who computes it.
  bool must_repeat = false;

  /// `fovea` on cuda and emulated; on cpu `simd,onednn,reference`: engines that this build lacks
  /// have no algorithms in the registry and are passed over. In bf16 the reference, which would run
  /// it all, is there only where someone puts it.
  static Policy defaults(const Device& device, Math math = Math::fp32);
  /// The list for a layer; "conv1'", the backward ops of conv1, are that layer's.
  const std::vector<EngineName>& for_layer(std::string_view layer) const;
  /// Whether a list, of the run or of a layer, has the word.
  bool names(std::string_view word) const;
  /// Throws Unsupported for `fastest` on emulated, where no time is a speed.
  void require_meaningful(const Device& device) const;
};

/// An op of a run that goes on cannot be computed as it was.
class FOVEA_API NotRepeatable : public Unsupported {
 public:
  using Unsupported::Unsupported;
};

/// "onednn,reference" or "fovea:direct_tiled", with the words of EngineName. Throws InvalidArgument
/// for an empty entry; whether an engine exists is the registry's to say, since users add their
/// own.
FOVEA_API std::vector<EngineName> parse_engines(std::string_view list);
/// "conv*=reference". Throws InvalidArgument.
FOVEA_API LayerEngines parse_layer_engines(std::string_view text);
/// The inverse of parse_engines().
FOVEA_API std::string engines_text(const std::vector<EngineName>& engines);
/// Whether `name` matches `pattern`, where * stands for any run of characters.
FOVEA_API bool matches(std::string_view pattern, std::string_view name);

/// What was chosen for one op, and why: a row of the printed table.
struct Choice {
  std::string engine, algorithm;
  Variant variant;
  std::string why;           // "first in the list", "onednn: no primitive for it"
  std::string checker = {};  // "reference:loops" where that one is run beside it
  double us = 0;             // what it took where the tuner measured it, else 0
};

}  // namespace fovea
