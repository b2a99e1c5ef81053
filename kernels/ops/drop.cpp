#include <fovea/core/error.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/drop.h>
#include <fovea/kernels/ops/problem_text.h>

#include <charconv>
#include <string_view>

namespace fovea {
namespace {

constexpr std::string_view kWord = "+drop";

// Reads a number at `at` and goes behind it.
template <class T>
T number(const std::string& text, std::size_t& at) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc{}) {
    throw InvalidArgument("problem '" + text +
                          "': +drop is followed by nothing, or by rate:scale:layer");
  }
  at = static_cast<std::size_t>(behind - text.data());
  return value;
}

void skip_colon(const std::string& text, std::size_t& at) {
  if (at < text.size() && text[at] == ':') ++at;
}

}  // namespace

std::string to_string(const Epilogue& e, const Drop& drop) {
  std::string text = to_string(e);
  if (!e.drop || drop == Drop{}) return text;
  const std::string numbers =
      compact(drop.rate) + ":" + compact(drop.scale) + ":" + std::to_string(drop.layer);
  return text.insert(text.find(kWord) + kWord.size(), numbers);
}

Drop take_drop(std::string& text) {
  const std::size_t word = text.find(kWord);
  if (word == std::string::npos) return {};
  const std::size_t begin = word + kWord.size();
  if (begin == text.size() || text[begin] == '+') return {};
  std::size_t at = begin;
  Drop drop;
  drop.rate = number<float>(text, at);
  skip_colon(text, at);
  drop.scale = number<float>(text, at);
  skip_colon(text, at);
  drop.layer = number<std::uint32_t>(text, at);
  text.erase(begin, at - begin);
  return drop;
}

void validate(const Drop& drop, const std::string& problem) {
  if (drop.rate >= 0.0F && drop.rate < 1.0F && drop.scale > 0.0F) return;
  throw InvalidArgument(problem + ": +drop has a rate in [0, 1) and a scale above 0");
}

}  // namespace fovea
