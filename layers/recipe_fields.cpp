#include <fovea/core/error.h>
#include <fovea/kernels/ops/problem_text.h>
#include <fovea/layers/recipe_fields.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace fovea::detail {
namespace {

using I = InputRecipe;
constexpr Field<I> kInput[] = {
    {"height", &I::height, "rows that the net sees, after cropping"},
    {"width", &I::width, "columns that the net sees"},
    {"channels", &I::channels, "1 grey, 3 colour"},
    {"resize", &I::resize,
     "shorter side of stored pictures, cropped to a square; 0: as the net sees"},
    {"pad", &I::pad, "zeros around a picture before it is cropped"},
    {"mirror", &I::mirror, "mirror half of the training pictures, at random"},
    {"mean", &I::mean, "subtracted: channel, pixel (the mean picture) or none"},
    {"scale", &I::scale, "divided by: deviation (a channel's), 255, or none"},
};

using T = TrainRecipe;
constexpr Field<T> kTrain[] = {
    {"batch", &T::batch, "pictures a step"},
    {"epochs", &T::epochs, "passes over the training pictures"},
    {"learning_rate", &T::learning_rate, "at the start"},
    {"momentum", &T::momentum, "of SGD"},
    {"weight_decay", &T::weight_decay, "of weights, in the update's units (2012: 0.0005)"},
    {"bias_rate", &T::bias_rate, "times the learning rate, for biases"},
    {"bias_decay", &T::bias_decay, "times weight_decay, for biases"},
    {"loss", &T::loss, "softmax (with cross entropy) or mse"},
    {"plateau_patience", &T::plateau_patience,
     "epochs without a better validation error before the rate falls; 0: never"},
    {"plateau_times", &T::plateau_times, "how often it may fall so"},
    {"plateau_factor", &T::plateau_factor, "by which it is multiplied then"},
};

constexpr Field<RateStep> kStep[] = {
    {"epoch", &RateStep::epoch, "from this epoch on, counted from 1,"},
    {"factor", &RateStep::factor, "the learning rate is multiplied by this"},
};

using L = LayerRecipe;
constexpr Field<L> kLayer[] = {
    {"name", &L::name, "default: type and number", "*"},
    {"filters", &L::filters, "output channels", "conv"},
    {"outputs", &L::outputs, "0: the number of classes", "linear"},
    {"size", &L::size, "window: rows, or channels of lrn", "conv maxpool avgpool lrn"},
    {"width", &L::width, "window's columns; 0: square", "conv maxpool avgpool"},
    {"stride", &L::stride, "step of the window", "conv maxpool avgpool"},
    {"pad", &L::pad, "zeros around the input: 2, or [before, after]", "conv maxpool avgpool"},
    {"dilation", &L::dilation, "step inside the window; 1: none", "conv"},
    {"groups", &L::groups, "channels in so many separate columns", "conv lrn"},
    {"bias", &L::bias, "whether there is one", "conv linear"},
    {"init", &L::init, "gaussian, he, fan_in or constant", "conv linear"},
    {"deviation", &L::deviation, "of gaussian; the value of constant", "conv linear"},
    {"bias_value", &L::bias_value, "of all biases at the start", "conv linear"},
    {"rate", &L::rate, "times the learning rate; 0: frozen", "conv linear"},
    {"ceil", &L::ceil, "a last window may hang over the edge", "maxpool avgpool"},
    {"count_padding", &L::count_padding, "padding counts in the average", "avgpool"},
    {"alpha", &L::alpha, "factor of the sum of squares", "lrn"},
    {"beta", &L::beta, "power", "lrn"},
    {"k", &L::k, "added to the sum", "lrn"},
    {"divide", &L::divide, "divide alpha by the window's cells", "lrn"},
    {"within", &L::within, "within maps instead of across channels", "lrn"},
    {"probability", &L::probability, "of being dropped", "dropout"},
    {"inverted", &L::inverted, "scale while training, not while evaluating", "dropout"},
    {"with", &L::with, "name of the earlier layer whose output is added", "add"},
};

constexpr std::string_view kTypes[] = {"conv",    "linear", "relu",    "tanh", "maxpool",
                                       "avgpool", "lrn",    "dropout", "add"};

template <class Number>
bool parse_number(std::string_view text, Number& v) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::string_view text, int& v) { return parse_number(text, v); }
bool parse(std::string_view text, float& v) { return parse_number(text, v); }
bool parse(std::string_view text, bool& v) {
  v = text == "true";
  return v || text == "false";
}
bool parse(std::string_view text, std::string& v) {
  v = text;
  return true;
}
bool parse(std::string_view text, Padding& v) {
  const std::size_t colon = text.find(':');
  if (!parse_number(text.substr(0, colon), v.begin)) return false;
  v.end = v.begin;
  return colon == std::string_view::npos || parse_number(text.substr(colon + 1), v.end);
}

const char* kind(int) { return "a whole number"; }
const char* kind(float) { return "a number"; }
const char* kind(bool) { return "true or false"; }
const char* kind(const std::string&) { return "a text"; }
const char* kind(Padding) { return "a whole number or [before, after]"; }

std::string text(int v) { return std::to_string(v); }
std::string text(bool v) { return v ? "true" : "false"; }
std::string text(const std::string& v) { return '"' + v + '"'; }
std::string text(Padding v) {
  if (v.begin == v.end) return std::to_string(v.begin);
  return "[" + std::to_string(v.begin) + ", " + std::to_string(v.end) + "]";
}
// TOML wants a point in a real number.
std::string text(float v) {
  std::string t = compact(v);
  return t.find_first_of(".en") == std::string::npos ? t + ".0" : t;
}

}  // namespace

std::span<const Field<InputRecipe>> input_fields() { return kInput; }
std::span<const Field<TrainRecipe>> train_fields() { return kTrain; }
std::span<const Field<RateStep>> step_fields() { return kStep; }
std::span<const Field<LayerRecipe>> layer_fields() { return kLayer; }
std::span<const std::string_view> layer_types() { return kTypes; }

bool takes(std::string_view type, const Field<LayerRecipe>& field) {
  if (field.types == "*") return true;
  const std::string padded = " " + std::string(field.types) + " ";
  return padded.find(" " + std::string(type) + " ") != std::string::npos;
}

template <class R>
void assign(R& record, const Field<R>& field, std::string_view value, const std::string& where) {
  std::visit(
      [&](auto member) {
        auto v = record.*member;
        if (!parse(value, v)) {
          throw InvalidArgument(where + ": " + std::string(field.key) + " = " + std::string(value) +
                                " is not " + kind(v));
        }
        record.*member = v;
      },
      field.member);
}

template <class R>
std::string toml_value(const R& record, const Field<R>& field) {
  return std::visit([&](auto member) { return text(record.*member); }, field.member);
}

template void assign(InputRecipe&, const Field<InputRecipe>&, std::string_view, const std::string&);
template void assign(TrainRecipe&, const Field<TrainRecipe>&, std::string_view, const std::string&);
template void assign(RateStep&, const Field<RateStep>&, std::string_view, const std::string&);
template void assign(LayerRecipe&, const Field<LayerRecipe>&, std::string_view, const std::string&);
template std::string toml_value(const InputRecipe&, const Field<InputRecipe>&);
template std::string toml_value(const TrainRecipe&, const Field<TrainRecipe>&);
template std::string toml_value(const RateStep&, const Field<RateStep>&);
template std::string toml_value(const LayerRecipe&, const Field<LayerRecipe>&);

}  // namespace fovea::detail
