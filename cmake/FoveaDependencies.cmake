# What fovea is built from. A missing optional library switches off only what needs it;
# fovea_print_summary() says what was found and what is off.

# As a sub-project our imported targets must be seen by whoever links us statically.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)

# Input files: gzip, PNG, JPEG. Without one of them its files are declined with a message.
find_package(ZLIB)
find_package(PNG)
set(FOVEA_WITH_ZLIB ${ZLIB_FOUND})
set(FOVEA_WITH_PNG ${PNG_FOUND})
include(FoveaTurboJpeg)

set(FOVEA_WITH_ONEDNN OFF)
if(FOVEA_ONEDNN)
  include(FoveaOneDnn)
endif()

find_path(FOVEA_TOMLPP_INCLUDE toml++/toml.h)
find_path(FOVEA_CLI11_INCLUDE CLI/CLI.hpp)

set(FOVEA_WITH_CUDA OFF)
set(FOVEA_WITH_CUDNN OFF)
if(FOVEA_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    include(FoveaCuda)
  endif()
endif()
