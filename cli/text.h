// text.h - numbers, times and tables for people. Internal to cli/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea::cli {

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);
/// 249354 -> "249,354".
std::string thousands(std::int64_t v);
/// Seconds as "2m38s", "41s", "1h02m".
std::string duration(double seconds);
/// Bytes as "148 MiB", "1.6 GiB".
std::string bytes(std::size_t b);
/// The inverse, exact: "24GiB", "512MiB", "64KiB", "8000000". Throws InvalidArgument, naming the
/// option that has the text.
std::size_t parse_bytes(const std::string& option, const std::string& text);
/// The parts between separators; none of an empty text.
std::vector<std::string> split(const std::string& text, char separator);
/// Quoted for a POSIX shell where that is needed.
std::string shell_word(const std::string& word);

/// Columns aligned: the first `left` to the left, the others to the right, but the last where it is
/// text.
class Table {
 public:
  explicit Table(std::vector<std::string> heads, std::size_t left = 1, bool text_last = false);
  void add(std::vector<std::string> cells);
  /// Lines, each ended.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::size_t left_;
  bool text_last_;
};

/// Largest resident set of this process so far, in bytes.
std::size_t peak_memory();

}  // namespace fovea::cli
