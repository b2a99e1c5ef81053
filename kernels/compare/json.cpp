// json.cpp - a report as compare.json and back; CSV. See report.h.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/ratio.h>
#include <fovea/kernels/compare/report.h>

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <utility>

namespace fovea::compare {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kSchema = 1;

template <class T>
Json or_null(const std::optional<T>& v) {
  return v ? Json(*v) : Json(nullptr);
}
Json known(double v) { return v > 0 ? Json(v) : Json(nullptr); }
Json text_or_null(const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); }

// Names of the sums with where they lie.
constexpr std::array kSums = {
    std::pair{"global_read_sectors", &Counted::global_read_sectors},
    std::pair{"global_read_requests", &Counted::global_read_requests},
    std::pair{"global_write_sectors", &Counted::global_write_sectors},
    std::pair{"global_write_requests", &Counted::global_write_requests},
    std::pair{"shared_requests", &Counted::shared_requests},
    std::pair{"shared_cycles", &Counted::shared_cycles},
    std::pair{"bank_conflicts", &Counted::bank_conflicts},
    std::pair{"multiply_adds", &Counted::multiply_adds},
    std::pair{"tensor_core_instructions", &Counted::tensor_core_instructions},
    std::pair{"barriers", &Counted::barriers},
    std::pair{"launches", &Counted::launches},
    std::pair{"blocks", &Counted::blocks},
    std::pair{"blocks_counted", &Counted::blocks_counted}};

Json json_of(const Counted& c) {
  Json j;
  for (const auto& [name, member] : kSums) j[name] = c.*member;
  j["sectors_per_read_request"] = ratio(c.global_read_sectors, c.global_read_requests);
  j["sectors_per_write_request"] = ratio(c.global_write_sectors, c.global_write_requests);
  j["floor"] = {{"card", kNamedCard.name}, {"us", c.floor.us}, {"bound_by", c.floor.bound_by}};
  return j;
}

Json json_of(const Machine& m) {
  return {{"device", m.device},
          {"capability", m.capability},
          {"driver", text_or_null(m.driver)},
          {"cuda", text_or_null(m.cuda)},
          {"cudnn", text_or_null(m.cudnn)},
          {"onednn", text_or_null(m.onednn)},
          {"cpu", text_or_null(m.cpu)},
          {"clock_mhz", known(m.clock_mhz)},
          {"power_limit_w", known(m.power_limit_w)},
          {"threads", m.threads > 0 ? Json(m.threads) : Json(nullptr)}};
}

Json json_of(const Row& r) {
  const bool timed = r.times.has_value();
  const Times t = r.times.value_or(Times{});
  Json j = {{"problem", r.problem},
            {"name", text_or_null(r.name)},
            {"pass", name_of(r.pass)},
            {"math", name_of(r.math)},
            {"engine", r.engine},
            {"algorithm", r.algorithm},
            {"variant", text_or_null(r.variant)},
            {"layout", text_or_null(r.layout)},
            {"format", text_or_null(r.format)},
            {"conversion_us", or_null(r.conversion_us)},
            {"device", r.device},
            {"status", name_of(r.status)},
            {"median_us", timed ? Json(t.median) : Json(nullptr)},
            {"p10_us", timed ? Json(t.p10) : Json(nullptr)},
            {"p90_us", timed ? Json(t.p90) : Json(nullptr)},
            {"warm_us", timed ? Json(t.warm) : Json(nullptr)},
            {"back_to_back_us", known(t.back_to_back)},
            {"clock_before_mhz", known(t.clock_before_mhz)},
            {"clock_mhz", known(t.clock_mhz)},
            {"clock_fell", t.clock_fell},
            {"tflops", timed && r.flops > 0 ? Json(static_cast<double>(r.flops) / (t.median * 1e6))
                                            : Json(nullptr)},
            {"flops", r.flops},
            {"bytes", r.bytes}};
  j["floor_us"] = r.floor ? Json(r.floor->us) : Json(nullptr);
  j["share_of_floor"] = r.floor && timed ? Json(r.floor->us / t.median) : Json(nullptr);
  j["speedup_over_cudnn"] = or_null(r.speedup_over_cudnn);
  j["max_abs_error"] = or_null(r.max_abs_error);
  j["bound_ratio"] = or_null(r.bound_ratio);
  j["exact_on_integers"] = or_null(r.exact_on_integers);
  j["workspace_bytes"] = r.workspace_bytes;
  j["deterministic"] = r.deterministic;
  j["counted"] = r.counted ? json_of(*r.counted) : Json(nullptr);
  j["declined"] = r.status == Status::declined ? Json(r.why) : Json(nullptr);
  j["why"] = r.status == Status::declined ? Json(nullptr) : text_or_null(r.why);
  j["reproduce"] = r.reproduce;
  return j;
}

// Reads what may be null or absent.
template <class T>
T value(const Json& j, const char* name, T fallback) {
  const auto found = j.find(name);
  return found == j.end() || found->is_null() ? fallback : found->template get<T>();
}
template <class T>
std::optional<T> maybe(const Json& j, const char* name) {
  const auto found = j.find(name);
  if (found == j.end() || found->is_null()) return {};
  return found->template get<T>();
}
std::string text(const Json& j, const char* name) { return value<std::string>(j, name, ""); }

template <class Enum, std::size_t N>
Enum named(const Json& j, const char* name, const std::array<Enum, N>& all) {
  const std::string word = text(j, name);
  for (const Enum e : all) {
    if (word == name_of(e)) return e;
  }
  throw FormatError("compare.json: a row's " + std::string(name) + " is '" + word + "'");
}

Row row_of(const Json& j) {
  Row r;
  r.problem = text(j, "problem");
  r.name = text(j, "name");
  r.pass = named(j, "pass", std::array{Pass::forward, Pass::dgrad, Pass::wgrad});
  r.math = named(j, "math", std::array{Math::fp32, Math::tf32, Math::bf16});
  r.engine = text(j, "engine");
  r.algorithm = text(j, "algorithm");
  r.variant = text(j, "variant");
  r.layout = text(j, "layout");
  r.format = text(j, "format");
  r.conversion_us = maybe<double>(j, "conversion_us");
  r.device = text(j, "device");
  r.status = named(j, "status", kStatuses);
  r.why = r.status == Status::declined ? text(j, "declined") : text(j, "why");
  r.flops = value<std::int64_t>(j, "flops", 0);
  r.bytes = value<std::int64_t>(j, "bytes", 0);
  if (const double median = value(j, "median_us", -1.0); median >= 0) {
    r.times = Times{.median = median,
                    .p10 = value(j, "p10_us", median),
                    .p90 = value(j, "p90_us", median),
                    .warm = value(j, "warm_us", median),
                    .back_to_back = value(j, "back_to_back_us", 0.0),
                    .clock_before_mhz = value(j, "clock_before_mhz", 0.0),
                    .clock_mhz = value(j, "clock_mhz", 0.0),
                    .clock_fell = value(j, "clock_fell", false)};
  }
  if (const auto us = maybe<double>(j, "floor_us")) r.floor = Floor{*us, ""};
  r.speedup_over_cudnn = maybe<double>(j, "speedup_over_cudnn");
  r.max_abs_error = maybe<double>(j, "max_abs_error");
  r.bound_ratio = maybe<double>(j, "bound_ratio");
  r.exact_on_integers = maybe<bool>(j, "exact_on_integers");
  r.workspace_bytes = value<std::size_t>(j, "workspace_bytes", 0);
  r.deterministic = value(j, "deterministic", true);
  if (const auto c = j.find("counted"); c != j.end() && !c->is_null()) {
    Counted counted;
    for (const auto& [name, member] : kSums) counted.*member = value<std::uint64_t>(*c, name, 0);
    counted.floor = {value((*c)["floor"], "us", 0.0), text((*c)["floor"], "bound_by")};
    r.counted = counted;
  }
  r.reproduce = text(j, "reproduce");
  return r;
}

// What compare.json says of a row, without its depth: the counted work beside the rest, its floor
// as counted_floor_us; one reason, whoever gives it.
std::vector<std::pair<std::string, Json>> flat(const Row& r) {
  std::vector<std::pair<std::string, Json>> cells;
  const auto add = [&cells](const std::string& name, const Json& v) {
    cells.emplace_back(name, v);
  };
  const Json row = json_of(r), work = json_of(r.counted.value_or(Counted{}));
  for (const auto& [name, v] : row.items()) {
    if (name == "declined") continue;
    if (name != "counted") {
      add(name, name == "why" ? text_or_null(r.why) : v);
      continue;
    }
    for (const auto& [sum, count] : work.items()) {
      if (sum != "floor") {
        add(sum, r.counted ? count : Json(nullptr));
        continue;
      }
      for (const auto& [part, w] : count.items()) {
        add("counted_floor_" + part, r.counted ? w : Json(nullptr));
      }
    }
  }
  return cells;
}

std::string csv_cell(const Json& v) {
  if (v.is_null()) return "";
  if (v.is_number_float() && std::isinf(v.get<double>())) return "inf";  // JSON has none
  if (!v.is_string()) return v.dump();
  const auto text = v.get<std::string>();
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string q = "\"";
  for (const char c : text) q += c == '"' ? std::string("\"\"") : std::string(1, c);
  return q + "\"";
}

}  // namespace

std::string to_json(const Machine& m) { return json_of(m).dump(1); }

std::string to_json(const Report& r) {
  Json j;
  j["schema"] = kSchema;
  j["made"] = {{"fovea", r.fovea}, {"date", r.date}, {"command", r.command}};
  j["machine"] = json_of(r.machine);
  j["ceilings"]["copy_gb_s"] = known(r.ceilings.copy_gb_s);
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    j["ceilings"]["gemm_tflops"][std::string(name_of(math))] =
        known(r.ceilings.gemm_tflops[static_cast<int>(math)]);
  }
  j["rows"] = Json::array();
  for (const Row& row : r.rows) j["rows"].push_back(json_of(row));
  return j.dump(1) + "\n";
}

Report parse_report(const std::string& json) {
  try {
    const Json j = Json::parse(json);
    if (value(j, "schema", 0) != kSchema) throw FormatError("it is not of schema 1");
    Report r;
    const Json& m = j.at("machine");
    r.machine = {.device = text(m, "device"),
                 .capability = value(m, "capability", 0),
                 .driver = text(m, "driver"),
                 .cuda = text(m, "cuda"),
                 .cudnn = text(m, "cudnn"),
                 .onednn = text(m, "onednn"),
                 .cpu = text(m, "cpu"),
                 .clock_mhz = value(m, "clock_mhz", 0.0),
                 .power_limit_w = value(m, "power_limit_w", 0.0),
                 .threads = value(m, "threads", 0)};
    const Json& ceilings = j.at("ceilings");
    r.ceilings.copy_gb_s = value(ceilings, "copy_gb_s", 0.0);
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      r.ceilings.gemm_tflops[static_cast<int>(math)] =
          value(ceilings.at("gemm_tflops"), std::string(name_of(math)).c_str(), 0.0);
    }
    r.date = text(j.at("made"), "date");
    r.fovea = text(j.at("made"), "fovea");
    r.command = text(j.at("made"), "command");
    for (const Json& row : j.at("rows")) r.rows.push_back(row_of(row));
    return r;
  } catch (const std::exception& e) {
    throw FormatError("this is no compare.json: " + std::string(e.what()));
  }
}

std::string to_csv(const std::vector<Row>& rows) {
  std::string csv;
  const auto line = [&csv](const auto& cells, const auto& text_of) {
    for (std::size_t i = 0; i < cells.size(); ++i) csv += (i == 0 ? "" : ",") + text_of(cells[i]);
    csv += '\n';
  };
  line(flat(Row{}), [](const auto& cell) { return cell.first; });
  for (const Row& r : rows) line(flat(r), [](const auto& cell) { return csv_cell(cell.second); });
  return csv;
}

}  // namespace fovea::compare
