#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/dynamic_library.h>

#include <dlfcn.h>

#include <cstdlib>

namespace fovea::cudnn {

DynamicLibrary::DynamicLibrary(const LibrarySource& source) : name_{source.name}, fix_{source.fix} {
  std::string tried;
  const auto open = [&](const std::string& file) {
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      file_ = file;
      return true;
    }
    const char* why = dlerror();
    tried += (tried.empty() ? "" : "; ") + std::string(why != nullptr ? why : file);
    return false;
  };
  if (const char* named = std::getenv(source.variable.c_str()); named != nullptr && *named != 0) {
    if (!open(named)) {
      throw Unsupported(name_ + " cannot be opened (" + tried + "); correct or unset " +
                        source.variable);
    }
    return;
  }
  for (const char* file : source.files) {
    if (open(file)) return;
  }
  throw Unsupported(name_ + " cannot be opened (" + tried + "); " + fix_ +
                    ", or name its file in " + source.variable);
}

void* DynamicLibrary::address(const char* symbol) const {
  void* found = dlsym(handle_, symbol);
  if (found == nullptr) {
    throw Unsupported(name_ + " in " + file_ + " has no function " + symbol + "; " + fix_);
  }
  return found;
}

}  // namespace fovea::cudnn
