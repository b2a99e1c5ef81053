#include <fovea/train/report/confusion.h>
#include <fovea/train/report/page.h>
#include <fovea/train/report/svg.h>
#include <fovea/train/safetensors.h>

#include <algorithm>
#include <cstdio>

namespace fovea::report {
namespace {

constexpr int kDrawn = 100;  // classes; more make a table that nobody reads
constexpr std::size_t kWorst = 50;

std::string number(const char* pattern, double v) {
  char text[48];
  std::snprintf(text, sizeof(text), pattern, v);
  return text;
}

std::string pairs(const std::vector<std::string>& names, const Evaluation& e) {
  std::string s =
      "<h2>Most confused</h2><div class=\"wide\"><table><tr><th>is</th><th class=\"text\">taken "
      "for</th><th>images</th></tr>";
  for (const ConfusedPair& p : e.worst_pairs(kWorst)) {
    s += "<tr><td>" + escaped(names[static_cast<std::size_t>(p.actual)]) +
         "</td><td class=\"text\">" + escaped(names[static_cast<std::size_t>(p.predicted)]) +
         "</td><td>" + std::to_string(p.count) + "</td></tr>";
  }
  return s + "</table></div>";
}

// Rows are what the pictures are; a cell is shaded by its share of the row.
std::string matrix(const std::vector<std::string>& names, const Evaluation& e) {
  std::string s =
      "<h2>Confusion matrix</h2><p>Rows: what the pictures are. Columns: what they were taken "
      "for.</p><div class=\"wide\"><table><tr><th></th>";
  for (const std::string& name : names) s += "<th>" + escaped(name) + "</th>";
  s += "<th>error</th></tr>";
  for (int a = 0; a < e.classes; ++a) {
    std::int64_t all = 0;
    for (int p = 0; p < e.classes; ++p) all += e.count(a, p);
    const double whole = static_cast<double>(std::max<std::int64_t>(all, 1));
    s += "<tr><td>" + escaped(names[static_cast<std::size_t>(a)]) + "</td>";
    for (int p = 0; p < e.classes; ++p) {
      const double share = static_cast<double>(e.count(a, p)) / whole;
      const char* colour = a == p ? "46,158,107" : "216,90,59";
      s += "<td style=\"background:rgba(" + std::string(colour) + "," +
           number("%.2f", a == p ? 0.6 * share : std::min(1.0, 4 * share)) + ")\">" +
           std::to_string(e.count(a, p)) + "</td>";
    }
    const double right = static_cast<double>(e.count(a, a)) / whole;
    s += "<td>" + number("%.1f %%", 100 * (1 - right)) + "</td></tr>";
  }
  return s + "</table></div>";
}

}  // namespace

void write_confusion(const std::filesystem::path& path, const std::string& title,
                     const std::vector<std::string>& class_names, const Evaluation& e) {
  std::string body = "<p>" + std::to_string(e.score.images) + " images, loss " +
                     number("%.4f", e.score.loss) + ", ";
  if (e.classes == 0) {
    body += "mean absolute error " + number("%.4f", e.score.top1_error) + ".</p>";
  } else {
    body += "top-1 error " + number("%.2f %%", 100 * e.score.top1_error);
    if (e.classes > 5) body += ", top-5 error " + number("%.2f %%", 100 * e.score.top5_error);
    body += ".</p>" + pairs(class_names, e);
    if (e.classes <= kDrawn) body += matrix(class_names, e);
  }
  write_file_atomically(path.string(), page(title, body));
}

}  // namespace fovea::report
