#include <fovea/cli/text.h>
#include <fovea/core/error.h>

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <sstream>

namespace fovea::cli {

std::string format(const char* pattern, ...) {
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, pattern, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

std::string thousands(std::int64_t v) {
  std::string digits = std::to_string(v);
  for (std::size_t at = digits.size(); at > (v < 0 ? 4U : 3U);) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string duration(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  if (s < 60) return format("%llds", s);
  if (s < 3600) return format("%lldm%02llds", s / 60, s % 60);
  return format("%lldh%02lldm", s / 3600, s / 60 % 60);
}

std::string bytes(std::size_t b) {
  const double mib = static_cast<double>(b) / (1024.0 * 1024.0);
  if (mib < 10) return format("%.1f MiB", mib);
  return mib < 1024 ? format("%.0f MiB", mib) : format("%.1f GiB", mib / 1024);
}

std::size_t parse_bytes(const std::string& option, const std::string& text) {
  constexpr double kMost = 0x1p62;
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(rest, text.data() + text.size());
  const double factor = unit.empty()    ? 1
                        : unit == "KiB" ? 1 << 10
                        : unit == "MiB" ? 1 << 20
                        : unit == "GiB" ? 1 << 30
                                        : 0;
  if (error != std::errc{} || factor == 0 || !(value >= 0) || !(value * factor <= kMost)) {
    throw InvalidArgument(option + " " + text + ": give a size as 24GiB, 512MiB or in bytes");
  }
  return static_cast<std::size_t>(value * factor);
}

std::string shell_word(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string("-_./=:,+@%").find(c) != std::string::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Table::Table(std::vector<std::string> heads, std::size_t left, bool text_last)
    : left_{left}, text_last_{text_last} {
  rows_.push_back(std::move(heads));
}

void Table::add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string Table::text() const {
  std::vector<std::size_t> width;
  for (const auto& row : rows_) {
    width.resize(std::max(width.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string gap(width[i] - row[i].size(), ' ');
      line += (i > 0 ? "  " : "") +
              (i < left_ || (text_last_ && i + 1 == row.size()) ? row[i] + gap : gap + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace fovea::cli
