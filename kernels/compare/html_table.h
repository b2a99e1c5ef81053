// html_table.h - every row of a comparison as a table of compare.html. Internal.
#pragma once

#include <fovea/kernels/compare/row.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// A column stands there only where it says something of a row.
std::string html_table(const std::vector<Row>& rows);

}  // namespace fovea::compare
