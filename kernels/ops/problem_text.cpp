#include <fovea/core/error.h>
#include <fovea/kernels/ops/problem_text.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_value(char c) { return is_digit(c) || c == ':' || c == '.' || c == '-'; }

}  // namespace

ProblemText::ProblemText(std::string_view text, std::vector<std::string> names,
                         std::vector<std::string> epilogues)
    : text_{text} {
  std::ranges::sort(names, [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::size_t at = 0;
  while (at < text_.size() && text_[at] != '+') {
    const auto fits = [&](const std::string& n) {
      return text_.compare(at, n.size(), n) == 0 && at + n.size() < text_.size() &&
             is_value(text_[at + n.size()]);
    };
    const auto name = std::ranges::find_if(names, fits);
    if (name == names.end()) fail(at, "no field is called so, or its number is missing");
    std::size_t end = at + name->size();
    // "e-05" belongs to a real number; the letter e alone is a field (dilation).
    while (end < text_.size() &&
           (is_value(text_[end]) || (text_[end] == 'e' && end + 1 < text_.size() &&
                                     text_[end + 1] == '-' && is_digit(text_[end - 1])))) {
      ++end;
    }
    const std::string value = text_.substr(at + name->size(), end - at - name->size());
    if (!values_.emplace(*name, value).second) fail(at, "field given twice");
    at = end;
  }
  while (at < text_.size()) {
    const std::size_t end = std::min(text_.find('+', at + 1), text_.size());
    const std::string flag = text_.substr(at + 1, end - at - 1);
    if (std::ranges::find(epilogues, flag) == epilogues.end()) fail(at, "no epilogue is called so");
    flags_.push_back(flag);
    at = end;
  }
}

void ProblemText::fail(std::size_t at, const std::string& what) const {
  throw InvalidArgument("problem: " + what + "\n  " + text_ + "\n  " + std::string(at, ' ') + "^");
}

int ProblemText::parse_count(std::string_view digits, std::string_view name, int least) const {
  int v = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (error != std::errc{} || end != digits.data() + digits.size() || v < least) {
    throw InvalidArgument("problem '" + text_ + "': " + std::string(name) + " = '" +
                          std::string(digits) + "' is not a whole number from " +
                          std::to_string(least) + " to " +
                          std::to_string(std::numeric_limits<int>::max()));
  }
  return v;
}

int ProblemText::count(std::string_view name, int fallback, int least) const {
  const auto found = values_.find(std::string(name));
  if (found != values_.end()) return parse_count(found->second, name, least);
  if (fallback < 0) {
    throw InvalidArgument("problem '" + text_ + "': field " + std::string(name) + " is missing");
  }
  return fallback;
}

float ProblemText::real(std::string_view name, float fallback) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) return fallback;
  const std::string& s = found->second;
  float v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc{} || end != s.data() + s.size() || !std::isfinite(v)) {
    throw InvalidArgument("problem '" + text_ + "': " + std::string(name) + " = '" + s +
                          "' is not a number");
  }
  return v;
}

std::pair<int, int> ProblemText::pair(std::string_view name, std::pair<int, int> fallback) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) return fallback;
  const std::string& s = found->second;
  const std::size_t colon = s.find(':');
  const int begin = parse_count(std::string_view(s).substr(0, colon), name, 0);
  if (colon == std::string::npos) return {begin, begin};
  return {begin, parse_count(std::string_view(s).substr(colon + 1), name, 0)};
}

bool ProblemText::flag(std::string_view epilogue) const {
  return std::ranges::find(flags_, epilogue) != flags_.end();
}

std::string compact(float v) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), v);
  return error == std::errc{} ? std::string(text, end) : "?";
}

}  // namespace fovea
