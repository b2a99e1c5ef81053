// escaped.h - text put into HTML and SVG.
#pragma once

#include <fovea/core/api.h>

#include <string>
#include <string_view>

namespace fovea {

/// With the characters that mean something in HTML replaced: safe as an element's text and inside
/// a quoted attribute.
FOVEA_API std::string escaped(std::string_view text);

}  // namespace fovea
