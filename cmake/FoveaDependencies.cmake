# What fovea is built from. A missing optional library switches off only what needs it;
# fovea_print_summary() says what was found and what is off.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(nlohmann_json REQUIRED)

set(FOVEA_WITH_ONEDNN OFF)
if(FOVEA_ONEDNN)
  include(FoveaOneDnn)
endif()

# Fibers of the emulator; ucontext where boost-context is missing.
find_package(Boost QUIET COMPONENTS context)
set(FOVEA_WITH_BOOST_CONTEXT ${Boost_CONTEXT_FOUND})

# JPEG: turbojpeg where its header is, else plain libjpeg.
find_path(FOVEA_TURBOJPEG_INCLUDE turbojpeg.h)
find_library(FOVEA_TURBOJPEG_LIBRARY turbojpeg)
mark_as_advanced(FOVEA_TURBOJPEG_INCLUDE FOVEA_TURBOJPEG_LIBRARY)

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
