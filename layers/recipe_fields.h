// recipe_fields.h - the tables of a recipe's keys: parsing, writing, --set and docs/config.md all
// read them, so that they cannot disagree. Internal.
#pragma once

#include <fovea/layers/recipe.h>

#include <span>
#include <string_view>
#include <variant>

namespace fovea::detail {

template <class T>
struct Field {
  std::string_view key;
  std::variant<int T::*, float T::*, bool T::*, std::string T::*, Padding T::*> member;
  std::string_view about;
  std::string_view types = "";  // of [[layer]]: which types take the key, separated by blanks
};

std::span<const Field<InputRecipe>> input_fields();
std::span<const Field<TrainRecipe>> train_fields();
std::span<const Field<RateStep>> step_fields();
std::span<const Field<LayerRecipe>> layer_fields();
/// The layer types, in the order in which people meet them.
std::span<const std::string_view> layer_types();
/// Whether [[layer]] of `type` takes the key.
bool takes(std::string_view type, const Field<LayerRecipe>& field);

/// Sets a field from text ("3", "true", "2:1"). Throws InvalidArgument naming key and kind.
template <class T>
void assign(T& record, const Field<T>& field, std::string_view text, const std::string& where);
/// The field as TOML: 3, 0.01, true, "text", [0, 3].
template <class T>
std::string toml_value(const T& record, const Field<T>& field);

}  // namespace fovea::detail
