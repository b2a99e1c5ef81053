// tiny.h - a net and pictures small enough that a test trains in milliseconds.
#pragma once

#include <fovea/data/memory_dataset.h>
#include <fovea/train/model.h>
#include <fovea/train/trainer.h>

#include <filesystem>
#include <string>

namespace fovea::test {

/// conv, relu, max pool, dropout, two linear layers on 8x8 grey pictures.
Recipe tiny_recipe();
/// `count` pictures of three classes: a bright bar whose place tells the class, seeded noise.
MemoryDataset tiny_pictures(int count, unsigned seed = 1);
/// Untrained, with measured preprocessing.
Model tiny_model(const Dataset& data, std::uint64_t seed = 1);

/// A folder of its own that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);

}  // namespace fovea::test
