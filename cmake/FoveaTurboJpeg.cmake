# libjpeg-turbo by header and library; the installed package reads this file too.
set(FOVEA_WITH_JPEG OFF)
find_path(FOVEA_TURBOJPEG_INCLUDE turbojpeg.h)
find_library(FOVEA_TURBOJPEG_LIBRARY turbojpeg)
mark_as_advanced(FOVEA_TURBOJPEG_INCLUDE FOVEA_TURBOJPEG_LIBRARY)
if(FOVEA_TURBOJPEG_INCLUDE AND FOVEA_TURBOJPEG_LIBRARY)
  set(FOVEA_WITH_JPEG ON)
  if(NOT TARGET fovea_turbojpeg)
    add_library(fovea_turbojpeg UNKNOWN IMPORTED GLOBAL)
    set_target_properties(fovea_turbojpeg PROPERTIES
      IMPORTED_LOCATION "${FOVEA_TURBOJPEG_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${FOVEA_TURBOJPEG_INCLUDE}")
  endif()
endif()
