# check_programs.cmake - a document's C++ is compiled and run by a test: each of its ```cpp blocks
# stands in the source of that test. Indentation does not count.
#   cmake -DDOCUMENT=<page.md> -DTEST=<test.cpp> -P check_programs.cmake
cmake_minimum_required(VERSION 3.25)

# bare(<file> <out>): the text without indentation. Brackets and semicolons mean something in CMake's
# lists, so that the text is never one.
function(bare file out)
  file(READ "${file}" text)
  string(REGEX REPLACE "\n +" "\n" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

bare("${DOCUMENT}" document)
bare("${TEST}" test)
set(blocks 0)
while(TRUE)
  string(FIND "${document}" "\n```cpp\n" begin)
  if(begin EQUAL -1)
    break()
  endif()
  math(EXPR begin "${begin} + 8")
  string(SUBSTRING "${document}" ${begin} -1 document)
  string(FIND "${document}" "\n```" length)
  string(SUBSTRING "${document}" 0 ${length} block)
  string(FIND "${test}" "\n${block}\n" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "${TEST} does not hold this of ${DOCUMENT}:\n${block}")
  endif()
  math(EXPR blocks "${blocks} + 1")
endwhile()
if(blocks EQUAL 0)
  message(FATAL_ERROR "${DOCUMENT} holds no \`\`\`cpp block")
endif()
message(NOTICE "${blocks} blocks, all in ${TEST}")
