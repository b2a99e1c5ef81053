// chart.h - the drawings of compare.html as HTML and SVG text. Internal.
#pragma once

#include <fovea/core/escaped.h>
#include <fovea/kernels/compare/report.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// printf of one number into a string.
std::string number(const char* pattern, double v);

/// Microseconds of a row: measured, else the floor of its counted work; 0 where it has neither.
double cost_us(const Row& r);

/// Horizontal bars, one a row with a cost, the shortest marked; rows of one problem, pass and math.
/// A tick stands where the floor is.
std::string bars(const std::vector<const Row*>& rows);

/// Speed over operations a byte, both logarithmic, with a roof for each ceiling; "" where no row
/// has operations and a cost.
std::string roofline(const Report& report);

/// What colours mean in both: the engines of rows that have a cost; `passes`: and what shapes mean.
std::string key(const Report& report, bool passes);

}  // namespace fovea::compare
