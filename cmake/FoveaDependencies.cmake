# What fovea is built from. A missing optional library switches off only what needs it;
# fovea_print_summary() says what was found and what is off.

# As a sub-project our imported targets must be seen by whoever links us statically.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)

# A machine without packages can be given libraries in .deps/ (docs/testing.md).
if(EXISTS "${PROJECT_SOURCE_DIR}/.deps/usr")
  list(APPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps/usr")
endif()

# Input files: gzip, PNG, JPEG. Without one of them its files are declined with a message.
foreach(package ZLIB PNG)
  set(FOVEA_WITH_${package} OFF)
  if(FOVEA_${package})
    find_package(${package} QUIET)
    set(FOVEA_WITH_${package} ${${package}_FOUND})
  endif()
endforeach()
set(FOVEA_WITH_JPEG OFF)
if(FOVEA_JPEG)
  include(FoveaTurboJpeg)
endif()

# fovea_find_headers(<target> <header>): an imported target where the header is found.
function(fovea_find_headers target header)
  find_path(${target}_INCLUDE "${header}")
  mark_as_advanced(${target}_INCLUDE)
  if(${target}_INCLUDE)
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${${target}_INCLUDE}")
  endif()
endfunction()

# Recipes, models and checkpoints; without these there are core, kernels and data alone.
find_package(nlohmann_json QUIET)
fovea_find_headers(fovea_tomlplusplus toml++/toml.h)
set(FOVEA_WITH_NETS OFF)
if(nlohmann_json_FOUND AND TARGET fovea_tomlplusplus)
  set(FOVEA_WITH_NETS ON)
endif()

# The command.
fovea_find_headers(fovea_cli11 CLI/CLI.hpp)

set(FOVEA_WITH_ONEDNN OFF)
if(FOVEA_ONEDNN)
  include(FoveaOneDnn)
endif()

set(FOVEA_WITH_CUDA OFF)
set(FOVEA_WITH_CUDNN OFF)
if(FOVEA_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    include(FoveaCuda)
  endif()
  if(FOVEA_WITH_CUDA AND FOVEA_CUDNN)
    find_package(CUDNN 9.2 QUIET)  # the first that tells an engine's workspace
    set(FOVEA_WITH_CUDNN ${CUDNN_FOUND})
  endif()
endif()
