#include <fovea/core/error.h>
#include <fovea/train/crc32.h>
#include <fovea/train/safetensors.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

namespace fovea {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "safetensors data is little endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr const char* kChecksum = "fovea.crc32";

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw FormatError(path + " is no usable safetensors file: " + what);
}

std::string crc_text(const char* data, std::size_t bytes) {
  return std::to_string(crc32({data, bytes}));
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw InvalidArgument(path + " cannot be opened: check the path");
  const std::streamoff size = file.tellg();
  if (size < 0) throw InvalidArgument(path + " is not a regular file");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), size)) throw FormatError(path + " could not be read to its end");
  return bytes;
}

// One entry of the header: bytes [begin, end) of the data.
struct Entry {
  std::string name;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

std::uint64_t unsigned_of(const Json& j, const std::string& path, const std::string& name) {
  if (!j.is_number_unsigned()) refuse(path, name + " has a number that is not a count");
  return j.get<std::uint64_t>();
}

Entry parse_entry(const std::string& path, const std::string& name, const Json& j) {
  if (!j.is_object() || !j.contains("dtype") || !j.contains("shape") ||
      !j.contains("data_offsets") || j.size() != 3) {
    refuse(path, name + " lacks dtype, shape or data_offsets, or has more");
  }
  if (j["dtype"] != "F32") refuse(path, name + " is not of type F32");
  const Json& extents = j["shape"];
  const Json& offsets = j["data_offsets"];
  if (!extents.is_array() || extents.size() > Shape::kMaxRank || !offsets.is_array() ||
      offsets.size() != 2) {
    refuse(path, name + " has no shape of at most 4 extents, or no two offsets");
  }
  std::int64_t e[Shape::kMaxRank] = {};
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const std::uint64_t v = unsigned_of(extents[i], path, name);
    if (v > (std::uint64_t{1} << 40)) refuse(path, name + " has an extent beyond 2^40");
    e[i] = static_cast<std::int64_t>(v);
  }
  Entry entry{name, {}, unsigned_of(offsets[0], path, name), unsigned_of(offsets[1], path, name)};
  try {
    switch (extents.size()) {
      case 0:
        break;
      case 1:
        entry.shape = {e[0]};
        break;
      case 2:
        entry.shape = {e[0], e[1]};
        break;
      case 3:
        entry.shape = {e[0], e[1], e[2]};
        break;
      default:
        entry.shape = {e[0], e[1], e[2], e[3]};
        break;
    }
    const std::int64_t bytes = checked_mul(entry.shape.elements(), sizeof(float));
    if (entry.end < entry.begin || entry.end - entry.begin != static_cast<std::uint64_t>(bytes)) {
      refuse(path, name + ": its bytes are not those of its shape");
    }
  } catch (const InvalidArgument& error) {
    refuse(path, name + ": " + error.what());
  }
  return entry;
}

// Entries in the order of their bytes: no gap, no overlap, nothing left over.
void require_contiguous(const std::string& path, std::vector<Entry>& entries, std::uint64_t size) {
  std::ranges::stable_sort(entries, {}, &Entry::begin);
  std::uint64_t at = 0;
  for (const Entry& e : entries) {
    if (e.begin != at) refuse(path, "gap or overlap before " + e.name);
    at = e.end;
  }
  if (at != size)
    refuse(path, "its data is " + std::to_string(size) + " bytes, not " + std::to_string(at));
}

Json parse_header(const std::string& path, std::string_view text) {
  if (text.empty() || text.front() != '{') refuse(path, "its header does not start with {");
  // The parser keeps the last of equal keys; a file with two is refused, not guessed at.
  std::vector<std::vector<std::string>> open;
  bool twice = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = value.get<std::string>();
      twice = twice || std::ranges::find(open.back(), key) != open.back().end();
      open.back().push_back(key);
    }
    return true;
  };
  Json header = Json::parse(text, watch, false);
  if (header.is_discarded() || !header.is_object()) refuse(path, "its header is not JSON");
  if (twice) refuse(path, "a key stands twice in its header");
  return header;
}

}  // namespace

const NamedTensor& TensorFile::at(const std::string& name) const {
  const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  if (found != tensors.end()) return *found;
  std::string known;
  for (const NamedTensor& t : tensors) known += (known.empty() ? "" : ", ") + t.name;
  throw FormatError("the file has no tensor '" + name + "'; it has " + known);
}

bool TensorFile::has(const std::string& name) const {
  return std::ranges::find(tensors, name, &NamedTensor::name) != tensors.end();
}

const std::string& TensorFile::text(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw FormatError("the file's metadata has no '" + key + "': fovea did not write it");
  }
  return found->second;
}

void save_tensors(const std::string& path, const TensorFile& file) {
  // Tensors are written where they lie: a large net is not copied once more to be saved.
  std::vector<std::string_view> pieces(2);
  Json header;
  header["__metadata__"] = Json::object();
  std::uint32_t checksum = 0;
  std::size_t end = 0;
  for (const NamedTensor& t : file.tensors) {
    if (static_cast<std::int64_t>(t.elements.size()) != t.shape.elements()) {
      throw InvalidArgument("tensor " + t.name + " does not fill its shape " + to_string(t.shape));
    }
    const std::size_t bytes = t.elements.size() * sizeof(float), begin = end;
    pieces.emplace_back(reinterpret_cast<const char*>(t.elements.data()), bytes);
    checksum = crc32(pieces.back(), checksum);
    end += bytes;
    Json shape = Json::array();
    for (int i = 0; i < t.shape.rank(); ++i) shape.push_back(t.shape[i]);
    header[t.name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, end}}};
  }
  for (const auto& [key, value] : file.metadata) header["__metadata__"][key] = value;
  header["__metadata__"][kChecksum] = std::to_string(checksum);
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // data starts at a multiple of 8
  const std::uint64_t length = text.size();
  pieces[0] = {reinterpret_cast<const char*>(&length), sizeof(length)};
  pieces[1] = text;
  write_file_atomically(path, pieces);
}

TensorFile load_tensors(const std::string& path) {
  const std::string bytes = read_all(path);
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length)) refuse(path, "it has fewer than 8 bytes");
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxHeader || length > bytes.size() - sizeof(length)) {
    refuse(path, "its header of " + std::to_string(length) + " bytes does not fit");
  }
  const Json header = parse_header(path, std::string_view(bytes).substr(sizeof(length), length));
  const char* data = bytes.data() + sizeof(length) + length;
  const std::uint64_t size = bytes.size() - sizeof(length) - length;

  TensorFile file;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(path, name, value));
      continue;
    }
    if (!value.is_object()) refuse(path, "its metadata is no object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) refuse(path, "its metadata has a value that is no text");
      file.metadata[key] = text.get<std::string>();
    }
  }
  require_contiguous(path, entries, size);
  const auto checksum = file.metadata.find(kChecksum);
  if (checksum != file.metadata.end() && checksum->second != crc_text(data, size)) {
    refuse(path, "its checksum is wrong: the data was changed or damaged");
  }
  file.metadata.erase(kChecksum);
  for (const Entry& e : entries) {
    NamedTensor t{e.name, e.shape, std::vector<float>((e.end - e.begin) / sizeof(float))};
    std::memcpy(t.elements.data(), data + e.begin, e.end - e.begin);
    file.tensors.push_back(std::move(t));
  }
  return file;
}

}  // namespace fovea
