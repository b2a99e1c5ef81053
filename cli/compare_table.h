// compare_table.h - the rows of a comparison for people. Internal to cli/.
#pragma once

#include <fovea/kernels/compare/row.h>

#include <string>
#include <vector>

namespace fovea::cli {

/// An aligned table: counted work where rows have it, else times. Rows that declined for the same
/// reason are told once, below.
std::string compare_table(const std::vector<compare::Row>& rows);

/// What would run and what declines why, a line each.
std::string compare_list(const std::vector<compare::Row>& rows);

/// What is wrong with which row, and the command that repeats it; "" where nothing is.
std::string compare_complaints(const std::vector<compare::Row>& rows);

}  // namespace fovea::cli
