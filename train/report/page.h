// page.h - the frame of every page we write: self-contained, light and dark. Internal.
#pragma once

#include <string>

namespace fovea::report {

/// A whole HTML document; `title` is escaped, `body` is HTML.
std::string page(const std::string& title, const std::string& body);

}  // namespace fovea::report
