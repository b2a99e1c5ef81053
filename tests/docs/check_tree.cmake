# check_tree.cmake - what no tracked file may hold: Python, unfinished marks, tests that are off,
# paths of somebody's machine, links in documents that lead nowhere.
#   cmake -DROOT=<tree> -P check_tree.cmake
cmake_minimum_required(VERSION 3.25)
find_program(git git)
if(NOT git OR NOT EXISTS "${ROOT}/.git")
  message(NOTICE "SKIPPED: not a clone, or no git here")
  return()
endif()
set(wrong 0)

# refuse(<what> <extended regular expression> [<pathspec>...]): matching lines are errors. This file
# holds the patterns themselves.
function(refuse what pattern)
  execute_process(
    COMMAND "${git}" -C "${ROOT}" grep -nIE "${pattern}" -- ${ARGN} ":!tests/docs/check_tree.cmake"
    OUTPUT_VARIABLE lines RESULT_VARIABLE status)
  if(status EQUAL 0)
    message(NOTICE "${what}:\n${lines}")
    set(wrong 1 PARENT_SCOPE)
  endif()
endfunction()

set(code "*.h" "*.cpp" "*.cu" "*.cuh" "*.cmake" "*CMakeLists.txt" dev ".ci/run" "*.sh")
refuse("an unfinished mark" "TODO|FIXME|(^|[^X])XXX([^X]|$)|#if 0|[Nn]ot (yet )?implemented" ${code})
refuse("a test that is off" "DISABLED_" ${code})
refuse("a path of somebody's machine" "(^|[ \"'=(:])/(home|work|root|Users|mnt|workspace)/" .)

execute_process(COMMAND "${git}" -C "${ROOT}" ls-files "*.py" "*.pyc" "*.ipynb" OUTPUT_VARIABLE python)
if(python)
  message(NOTICE "Python in the tree:\n${python}")
  set(wrong 1)
endif()

# Relative links of documents.
execute_process(COMMAND "${git}" -C "${ROOT}" ls-files "*.md" OUTPUT_VARIABLE documents
                OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" documents "${documents}")
foreach(document IN LISTS documents)
  if(NOT EXISTS "${ROOT}/${document}")
    continue()
  endif()
  file(READ "${ROOT}/${document}" text)
  string(REPLACE "](" "@link@" text "${text}")  # a bracket alone would join a list's elements
  string(REGEX MATCHALL "@link@[^]@)#: ]+[)#]" links "${text}")
  cmake_path(GET document PARENT_PATH folder)
  foreach(link IN LISTS links)
    string(REGEX REPLACE "^@link@(.*)[)#]$" "\\1" link "${link}")
    if(link AND NOT EXISTS "${ROOT}/${folder}/${link}")
      message(NOTICE "${document}: a link leads nowhere: ${link}")
      set(wrong 1)
    endif()
  endforeach()
endforeach()

if(wrong)
  message(FATAL_ERROR "the tree holds what does not belong")
endif()
message(NOTICE "the tree is clean")
