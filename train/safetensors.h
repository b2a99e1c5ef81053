// safetensors.h - named tensors in one file: 8 bytes of header length, a JSON header, the data.
// The format of huggingface/safetensors; nothing in it is code. Strict on reading.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/shape.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

/// An fp32 tensor of a file; row major.
struct NamedTensor {
  std::string name;
  Shape shape;
  std::vector<float> elements;
};

/// Tensors in the order of the file, and free text by key.
struct FOVEA_API TensorFile {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Throws FormatError with the names there are.
  const NamedTensor& at(const std::string& name) const;
  bool has(const std::string& name) const;
  /// Throws FormatError where the key is missing.
  const std::string& text(const std::string& key) const;
};

/// Writes the file whole or not at all: a sibling of another name, flushed to the disk, then
/// renamed; a file that stood there keeps its mode, and stays whole when this throws Error (disk
/// full, no permission). A checksum of the data (CRC-32) goes into the metadata.
FOVEA_API void save_tensors(const std::string& path, const TensorFile& file);

/// Throws InvalidArgument where the file cannot be opened, FormatError for anything that is not
/// exactly a safetensors file of fp32 tensors of at most 4 extents: lengths, names, types, shapes,
/// gaps, overlaps, trailing bytes, a wrong checksum. Never takes more memory than the file's size
/// warrants.
FOVEA_API TensorFile load_tensors(const std::string& path);

/// Replaces `path` by these bytes in the same way. For everything else that a run writes. Devices
/// and pipes are written to; a link stays one.
FOVEA_API void write_file_atomically(const std::string& path, const std::string& bytes);
/// The same for the pieces one after the other.
FOVEA_API void write_file_atomically(const std::string& path,
                                     std::span<const std::string_view> pieces);

}  // namespace fovea
