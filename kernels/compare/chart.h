// chart.h - the drawings of compare.html as SVG text. Internal.
#pragma once

#include <fovea/kernels/compare/report.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// Text with the characters that mean something in HTML replaced.
std::string escaped(const std::string& text);

/// Microseconds of a row: measured, else the floor of its counted work; 0 where it has neither.
double cost_us(const Row& r);

/// Horizontal bars, one a row with a cost; rows of one problem, pass and math.
std::string bars(const std::vector<const Row*>& rows);

/// Speed over operations a byte, both logarithmic, with the roof by the ceilings; "" where no row
/// has operations and a cost.
std::string roofline(const Report& report);

}  // namespace fovea::compare
