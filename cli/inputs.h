// inputs.h - what commands that use a trained model have in common: data opened as its run did, a
// part of it, JSON written. Internal to cli/.
#pragma once

#include <fovea/cli/context.h>
#include <fovea/data/open.h>
#include <fovea/train/model.h>

#include <cstdint>
#include <memory>
#include <string>

namespace fovea::cli {

/// The data folder, with the parts as the run had them where `run` is a run folder.
DataSets open_for(const CommandContext& c, const Model& model, const std::string& run,
                  const std::string& data, const std::string& labels);

/// The part to judge a model on where nobody said which: test; where there is none, val; without
/// either, train.
std::string default_split(const DataSets& data);

/// The part called train, val or test; with `limit` > 0 so many of its pictures, drawn by seed.
/// Throws InvalidArgument naming the parts that are there.
std::shared_ptr<const Dataset> part_of(const DataSets& data, const std::string& split,
                                       std::int64_t limit, std::uint64_t seed);

/// Says on standard error where the data calls its classes otherwise than the model.
void note_other_names(const CommandContext& c, const Model& model, const DataSets& data);

/// Classes of a recipe without data: those of the data set that it was made for.
int assumed_classes(const Recipe& recipe);

/// Where --json says; nothing without it. True: standard output is taken by it.
bool write_json(const CommandContext& c, const std::string& json);

}  // namespace fovea::cli
