# oneDNN by header and library. Debian's dnnl-config.cmake insists on OpenCL's headers, which
# nothing here needs.
find_path(FOVEA_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp)
find_library(FOVEA_DNNL_LIBRARY dnnl)
mark_as_advanced(FOVEA_DNNL_INCLUDE FOVEA_DNNL_LIBRARY)
# Its threads are OpenMP's: the engine sets their number for the length of a call.
find_package(OpenMP QUIET COMPONENTS CXX)
if(FOVEA_DNNL_INCLUDE AND FOVEA_DNNL_LIBRARY AND OpenMP_CXX_FOUND)
  set(FOVEA_WITH_ONEDNN ON)
  file(STRINGS "${FOVEA_DNNL_INCLUDE}/oneapi/dnnl/dnnl_version.h" version_lines
       REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  string(REGEX REPLACE "[^;]* ([0-9]+)" "\\1" dnnl_VERSION "${version_lines}")
  string(REPLACE ";" "." dnnl_VERSION "${dnnl_VERSION}")
  if(NOT TARGET fovea_dnnl)  # imported: the installed package finds it again with this file
    add_library(fovea_dnnl UNKNOWN IMPORTED GLOBAL)
    set_target_properties(fovea_dnnl PROPERTIES IMPORTED_LOCATION "${FOVEA_DNNL_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${FOVEA_DNNL_INCLUDE}"
      INTERFACE_COMPILE_OPTIONS "${OpenMP_CXX_FLAGS}"
      INTERFACE_LINK_LIBRARIES "${OpenMP_CXX_LIBRARIES}")
  endif()
endif()
