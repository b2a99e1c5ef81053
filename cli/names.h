// names.h - options whose values are names of an enumeration, as fp32,bf16. Internal to cli/.
#pragma once

#include <fovea/core/error.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fovea::cli {

/// The words as what name_of() calls so. Throws InvalidArgument for a word that is none of
/// `known`, naming these.
template <class Enum>
std::vector<Enum> parse_names(const std::vector<std::string>& words, const std::vector<Enum>& known,
                              const std::string& option) {
  std::vector<Enum> values;
  for (const std::string& word : words) {
    const auto found = std::ranges::find_if(known, [&](Enum e) { return word == name_of(e); });
    if (found == known.end()) {
      std::string names;
      for (const Enum e : known) names += (names.empty() ? "" : ", ") + std::string(name_of(e));
      throw InvalidArgument(option + " " + word + " is unknown; there are " + names);
    }
    values.push_back(*found);
  }
  return values;
}

}  // namespace fovea::cli
