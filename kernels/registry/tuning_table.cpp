#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/kernels/registry/tuning_table.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>

namespace fovea {
namespace {

constexpr std::string_view kAbout =
    "# What is fastest, by engine word fastest: in brackets the machine, below it a line for each\n"
    "# problem: op pass problem | math | bits | workspace | winner | median | all that were "
    "tried.\n"
    "# Lines may be edited, added and removed; docs/choosing.md.\n";

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

[[noreturn]] void refuse(std::string_view found, const char* expected) {
  throw FormatError("'" + std::string(found) + "' is no " + expected);
}

double parse_us(std::string_view text) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || !(v > 0) || !std::isfinite(v)) {
    refuse(text, "time in us");
  }
  return v;
}

std::string us_text(double us) {
  char text[40];
  const double shown = std::max(us, 0.1);  // 0 would be no time
  return {text, std::to_chars(text, text + sizeof(text), shown, std::chars_format::fixed, 1).ptr};
}

// "onednn:direct": an engine and an algorithm.
void require_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
    refuse(text, "ENGINE:ALGORITHM");
  }
}

void require_question(std::span<const std::string_view> fields) {
  const auto words = std::ranges::count(fields[0], ' ');
  if (words < 2) refuse(fields[0], "op, pass and problem");
  const auto math = {"fp32", "tf32", "bf16"};
  if (std::ranges::find(math, fields[1]) == math.end()) refuse(fields[1], "math mode");
  if (fields[2] != "deterministic" && fields[2] != "nondeterministic") {
    refuse(fields[2], "'deterministic' or 'nondeterministic'");
  }
  if (fields[3].find("workspace") == std::string_view::npos) refuse(fields[3], "workspace limit");
}

constexpr std::size_t kQuestionFields = 4;

// The fields behind the question: winner, median, what was tried.
TuningEntry parse_answer(std::span<const std::string_view> fields) {
  TuningEntry e;
  const std::string_view winner = fields[0];
  const std::size_t space = std::min(winner.find(' '), winner.size());
  require_name(winner.substr(0, space));
  const std::size_t colon = winner.find(':');
  e.engine = winner.substr(0, colon);
  e.algorithm = winner.substr(colon + 1, space - colon - 1);
  e.variant = trimmed(winner.substr(space));
  if (fields.size() > 1) {
    if (!fields[1].ends_with(" us")) refuse(fields[1], "time in us");
    e.us = parse_us(fields[1].substr(0, fields[1].size() - 3));
  }
  if (fields.size() < 3) return e;
  for (const std::string_view one : split(fields[2], ',')) {
    const std::size_t gap = one.rfind(' ');
    if (gap == std::string_view::npos) refuse(one, "algorithm with its time");
    const std::string_view name = one.substr(0, gap), found = one.substr(gap + 1);
    require_name(name);
    if (found == TuningEntry::kDeclined || found == TuningEntry::kFailed) {
      e.passed_over.emplace_back(name, found);
    } else {
      e.timed.emplace_back(name, parse_us(found));
    }
  }
  return e;
}

std::string line_text(const std::string& question, const TuningEntry& e) {
  std::string text = question + " | " + way_text(e.engine, e.algorithm, e.variant);
  if (e.us > 0) text += " | " + us_text(e.us) + " us";
  const char* gap = " | ";
  const auto add = [&](const std::string& name, const std::string& found) {
    text += gap + name + " " + found;
    gap = ", ";
  };
  for (const auto& [name, us] : e.timed) add(name, us_text(us));
  for (const auto& [name, kind] : e.passed_over) add(name, kind);
  return text;
}

// Throws FormatError for what is no entry.
std::pair<std::string, TuningEntry> parse_line(std::string_view line) {
  const std::vector<std::string_view> fields = split(line, '|');
  if (fields.size() <= kQuestionFields || fields.size() > kQuestionFields + 3) {
    refuse(line, "entry: it has 5 to 7 fields between bars");
  }
  const std::span all(fields);
  require_question(all.first(kQuestionFields));
  std::string question;
  for (const std::string_view f : all.first(kQuestionFields)) {
    question += (question.empty() ? "" : " | ") + std::string(f);
  }
  return {question, parse_answer(all.subspan(kQuestionFields))};
}

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word.empty() ? "unknown" : word;
}

}  // namespace

TuningTable TuningTable::parse(std::string_view text) {
  if (trimmed(text.substr(0, text.find('\n'))) != kHeader) {
    throw FormatError("it does not begin with '" + std::string(kHeader) + "'");
  }
  TuningTable table;
  std::string machine;
  int wrong = 0, number = 0;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    ++number;
    Line& kept = table.lines_.emplace_back(std::string(line), machine, "", std::nullopt);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      machine = kept.machine = line.substr(1, line.size() - 2);
      continue;
    }
    try {
      if (machine.empty()) throw FormatError("no machine in brackets stands above it");
      std::tie(kept.question, kept.entry) = parse_line(line);
    } catch (const FormatError& e) {
      if (++wrong == 1) {
        table.complaint_ = "line " + std::to_string(number) + " is ignored: " + e.what();
      }
    }
  }
  if (wrong > 1) table.complaint_ += ", and " + std::to_string(wrong - 1) + " more like it";
  return table;
}

std::string TuningTable::text() const {
  std::string text;
  if (lines_.empty() || lines_.front().text != kHeader) {
    text = std::string(kHeader) + "\n" + std::string(kAbout);
  }
  for (const Line& l : lines_) text += l.text + "\n";
  return text;
}

const TuningEntry* TuningTable::find(std::string_view machine, std::string_view question) const {
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (line->entry && line->machine == machine && line->question == question) {
      return &*line->entry;
    }
  }
  return nullptr;
}

void TuningTable::put(const std::string& machine, const std::string& question,
                      const TuningEntry& entry) {
  const Line line{line_text(question, entry), machine, question, entry};
  try {
    const auto [question_back, entry_back] = parse_line(line.text);
    const bool same = question_back == question && entry_back.engine == entry.engine &&
                      entry_back.algorithm == entry.algorithm &&
                      entry_back.variant == entry.variant;
    if (!same || machine.find_first_of("]\n") != std::string::npos) return;
  } catch (const FormatError&) {
    return;
  }
  auto last = lines_.end();  // of this machine
  for (auto l = lines_.begin(); l != lines_.end(); ++l) {
    if (l->machine != machine || l->text.empty()) continue;
    if (l->entry && l->question == question) {
      *l = line;
      return;
    }
    last = l;
  }
  if (last != lines_.end()) {
    lines_.insert(last + 1, line);
    return;
  }
  lines_.push_back({"", machine, "", std::nullopt});
  lines_.push_back({"[" + machine + "]", machine, "", std::nullopt});
  lines_.push_back(line);
}

void TuningTable::put_all(const TuningTable& other) {
  for (const Line& l : other.lines_) {
    if (l.entry) put(l.machine, l.question, *l.entry);
  }
}

std::size_t TuningTable::size() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [](const Line& l) { return l.entry.has_value(); }));
}

std::string question_text(const TuningQuestion& q) {
  std::string text = std::string(q.op) + " " + std::string(name_of(q.pass)) + " " + q.problem +
                     " | " + std::string(name_of(q.math)) + " | " +
                     (q.limits.deterministic ? "deterministic" : "nondeterministic") + " | ";
  if (q.limits.workspace_bytes == Limits{}.workspace_bytes) return text + "any workspace";
  return text + "workspace of " + std::to_string(q.limits.workspace_bytes);
}

std::string tuning_machine(const DeviceInfo& device) {
  const bool cuda = device.device.kind() == DeviceKind::cuda;
  std::string text = (cuda ? "cuda " : "cpu ") + device.name;
  if (cuda) {
    text += "; driver " + first_word("/sys/module/nvidia/version");
  } else {
    text += ", " + std::to_string(ThreadPool::shared().threads()) + " threads";
  }
  for (const LibraryStatus& l : library_status(device.device)) {
    const bool used = l.engine == (cuda ? "cudnn" : "onednn");
    if (used && l.works) text += "; " + l.text;
  }
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '[' || c == ']'; }, ' ');
  return text + "; fovea " FOVEA_VERSION;
}

}  // namespace fovea
