# oneDNN by header and library. Debian's dnnl-config.cmake insists on OpenCL's headers, which
# nothing here needs.
find_path(FOVEA_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp)
find_library(FOVEA_DNNL_LIBRARY dnnl)
mark_as_advanced(FOVEA_DNNL_INCLUDE FOVEA_DNNL_LIBRARY)
if(FOVEA_DNNL_INCLUDE AND FOVEA_DNNL_LIBRARY)
  set(FOVEA_WITH_ONEDNN ON)
  file(STRINGS "${FOVEA_DNNL_INCLUDE}/oneapi/dnnl/dnnl_version.h" version_lines
       REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  string(REGEX REPLACE "[^;]* ([0-9]+)" "\\1" dnnl_VERSION "${version_lines}")
  string(REPLACE ";" "." dnnl_VERSION "${dnnl_VERSION}")
  add_library(fovea_dnnl INTERFACE)
  target_include_directories(fovea_dnnl SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${FOVEA_DNNL_INCLUDE}>")
  target_link_libraries(fovea_dnnl INTERFACE "${FOVEA_DNNL_LIBRARY}")
endif()
