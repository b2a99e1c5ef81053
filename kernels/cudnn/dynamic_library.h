// dynamic_library.h - a shared library opened when it is first needed, and its functions by name.
#pragma once

#include <span>
#include <string>

namespace fovea::cudnn {

/// Where a library is looked for.
struct LibrarySource {
  std::string name;                    // "cuDNN", for messages
  std::string variable;                // environment variable that names another file
  std::span<const char* const> files;  // tried in this order where the variable is not set
  std::string fix;                     // what to do where none can be opened
};

/// Opened for the rest of the process: these libraries start threads and keep state in the driver,
/// and do not survive being unloaded.
class DynamicLibrary {
 public:
  /// Throws Unsupported with every file tried, the loader's words and the fix.
  explicit DynamicLibrary(const LibrarySource& source);

  /// Sets `function` to the library's function of that name. Throws Unsupported where it has none:
  /// the library is older than this build's headers.
  template <class Function>
  void find(const char* symbol, Function& function) const {
    function = reinterpret_cast<Function>(address(symbol));
  }

  /// The file that was opened, as it was named.
  const std::string& file() const { return file_; }

 private:
  void* address(const char* symbol) const;

  std::string name_, file_, fix_;
  void* handle_ = nullptr;
};

}  // namespace fovea::cudnn
