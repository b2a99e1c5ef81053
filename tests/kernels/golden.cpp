#include <fovea/core/error.h>
#include <fovea/tests/kernels/doors.h>

#include <nlohmann/json.hpp>

#include <fstream>

namespace fovea::test {
namespace {

std::string path() { return std::string(FOVEA_SOURCE_DIR) + "/tests/golden/emulated.json"; }

}  // namespace

std::map<std::string, std::string> read_golden() {
  std::ifstream file(path());
  if (!file) throw InvalidArgument(path() + " is not there: FOVEA_UPDATE_GOLDEN=1 writes it");
  return nlohmann::json::parse(file).get<std::map<std::string, std::string>>();
}

void write_golden(const std::map<std::string, std::string>& results) {
  std::ofstream(path()) << nlohmann::json(results).dump(1) << '\n';
}

}  // namespace fovea::test
