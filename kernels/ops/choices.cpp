#include <fovea/core/error.h>
#include <fovea/kernels/ops/choices.h>

#include <algorithm>
#include <set>

namespace fovea {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string key_of(std::string_view layer, std::string_view op, Pass pass,
                   std::string_view problem) {
  std::string key;
  for (const std::string_view part : {layer, op, name_of(pass), problem}) {
    key += (key.empty() ? "" : "\t") + std::string(part);
  }
  return key;
}

// "n1c2+bias+relu": the shape, and the epilogue's words.
std::pair<std::string, std::set<std::string>> parts_of(std::string_view problem) {
  std::vector<std::string> parts = split(problem, '+');
  return {parts.front(), {parts.begin() + 1, parts.end()}};
}

}  // namespace

std::string ChoiceRecords::text() const {
  std::string text;
  for (const ChoiceRecord& r : records_) {
    text += key_of(r.layer, r.op, r.pass, r.problem) + "\t" + r.engine + "\t" + r.algorithm + "\t" +
            r.variant + "\n";
  }
  return text;
}

ChoiceRecords ChoiceRecords::parse(std::string_view text) {
  ChoiceRecords records;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const std::vector<std::string> f = split(line, '\t');
    const auto passes = {Pass::forward, Pass::dgrad, Pass::wgrad};
    const auto pass =
        std::ranges::find_if(passes, [&](Pass p) { return f.size() == 7 && name_of(p) == f[2]; });
    if (pass == passes.end()) {
      throw FormatError("choices, line " + std::to_string(number) + ": '" + line +
                        "' is not layer, op, pass, problem, engine, algorithm, variant");
    }
    records.add({f[0], f[1], *pass, f[3], f[4], f[5], f[6]});
  }
  return records;
}

void ChoiceRecords::add(const ChoiceRecord& record) {
  const std::string key = key_of(record.layer, record.op, record.pass, record.problem);
  if (index_.emplace(key, records_.size()).second) records_.push_back(record);
}

const ChoiceRecord* ChoiceRecords::find(std::string_view layer, std::string_view op, Pass pass,
                                        std::string_view problem) const {
  const auto found = index_.find(key_of(layer, op, pass, problem));
  return found == index_.end() ? nullptr : &records_[found->second];
}

bool ChoiceRecords::joined(std::string_view layer, std::string_view op, Pass pass,
                           std::string_view problem) const {
  const auto [shape, words] = parts_of(problem);
  return std::ranges::any_of(records_, [&](const ChoiceRecord& r) {
    if (r.layer != layer || r.op != op || r.pass != pass) return false;
    const auto [recorded_shape, recorded_words] = parts_of(r.problem);
    return recorded_shape == shape && std::ranges::includes(recorded_words, words);
  });
}

}  // namespace fovea
