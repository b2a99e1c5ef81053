// page_style.h - the style sheet of compare.html, page.css. Internal.
#pragma once

#include <string_view>

namespace fovea::compare {

std::string_view page_style();

}  // namespace fovea::compare
