// html_table.h - every row of a comparison as a table of compare.html. Internal.
#pragma once

#include <fovea/kernels/compare/row.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// Columns of times and of counted work stand there only where a row has them.
std::string html_table(const std::vector<Row>& rows);

}  // namespace fovea::compare
