# your_kernel_test.cmake - python_free_examples/your_kernel as a project of its own on the installed
# package: its kernels run beside fovea's on the emulated device and train there; where nvcc is, it
# compiles them, and a file in plain CUDA style, too.
#   cmake -DSOURCE= -DBUILD= -DWORK= -DGENERATOR= -DCXX= -DSANITIZE=|address|thread -DNVCC= -P ...
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(example "${SOURCE}/python_free_examples/your_kernel")
set(prefix "${WORK}/prefix")

# run(<status> <command>...): fails where it ends otherwise; `output` is what it printed.
function(run wanted)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${WORK}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL wanted)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}, not ${wanted}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# expect(<regular expression>): among what the last command printed.
function(expect pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "not there: ${pattern}\n${output}")
  endif()
endfunction()

set(options -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_PREFIX_PATH=${prefix}")
if(SANITIZE)
  set(flags "-fsanitize=${SANITIZE}")
  if(SANITIZE STREQUAL "address")
    set(flags "-fsanitize=address,undefined -fno-sanitize-recover=all")
  endif()
  list(APPEND options -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1"
       "-DCMAKE_CXX_FLAGS=${flags}")
endif()
foreach(component headers static)
  run(0 ${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}" --component ${component})
endforeach()
run(0 ${CMAKE_COMMAND} -S "${example}" -B "${WORK}/build" ${options})
run(0 ${CMAKE_COMMAND} --build "${WORK}/build")
set(program "${WORK}/build/your_kernel")

# Both beside fovea's own: every row right, the NCHW one says that it is, what they decline too.
run(0 "${program}" compare --device emulated --suite "${example}/shapes.txt" --pass forward
    --math fp32 --algo "mine,fovea:direct_tiled" --out "${WORK}/report" --quiet)
expect("mine:naive on nchw +ok +exact")
expect("mine:tiled +ok +exact")
expect("fovea:direct_tiled[^\n]* ok +exact")
expect("declined +1  mine:naive in fp32: groups > 1")
expect("declined +1  mine:naive in fp32: [+]bias is not an epilogue of this algorithm")
expect("rows 15: 12 ok, 3 declined, 0 wrong, 0 mistrusted, 0 failed")
file(READ "${WORK}/report/compare.json" report)
# Their work is counted as fovea's is, where the compiler can say each access.
string(REGEX MATCHALL "\"engine\": \"mine\"[^}]*\"counted\": {" counted "${report}")
list(LENGTH counted counted)
if(SANITIZE)
  set(wanted 0)
else()
  set(wanted 7)
endif()
if(NOT counted EQUAL wanted)
  message(FATAL_ERROR "${counted} rows of mine are counted, not ${wanted}\n${output}")
endif()
if(NOT SANITIZE AND NOT report MATCHES
   "\"problem\": \"conv:n1c16h7k32r1\"[^}]*\"engine\": \"mine\"[^}]*\"algorithm\": \"naive\"[^}]*\"multiply_adds\": 25088,")
  message(FATAL_ERROR "naive multiplies 7 x 7 x 16 x 32 times where nothing is padded:\n${report}")
endif()
foreach(wanted "\"layout\": \"nchw\"" "\"conversion_us\": null")
  string(FIND "${report}" "${wanted}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "compare.json does not hold ${wanted}")
  endif()
endforeach()

# In a net: gradients of a plan whose forward convolutions are the program's own, each checked
# against fovea's in its first step.
run(0 "${program}" check-grads --config "${example}/net.toml" --device emulated
    --engine "check:mine,fovea,fovea" --quiet)
expect("conv2 +weight[^\n]* ok")

# Without a card the program starts and says so.
execute_process(COMMAND nvidia-smi -L OUTPUT_VARIABLE cards ERROR_QUIET)
if(NOT cards MATCHES "^GPU")
  run(2 "${program}" compare --device cuda:0 --algo mine)
  expect("cuda")
  expect("fovea: [^\n]*\n$")
endif()

if(NVCC)
  # Both at once: a pipe of commands that neither read nor write it.
  set(nvcc "${NVCC}" -std=c++20 -arch=sm_80 --expt-relaxed-constexpr -fmad=false "-I${prefix}/include" -c)
  execute_process(
    COMMAND ${nvcc} "${example}/kernels.cu" -o "${WORK}/kernels.o"
    COMMAND ${nvcc} "${SOURCE}/tests/install/your_kernel/my_conv.cu" -o "${WORK}/my_conv.o"
    RESULTS_VARIABLE statuses OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT statuses STREQUAL "0;0")
    message(FATAL_ERROR "nvcc ended with ${statuses}:\n${output}")
  endif()
  message(NOTICE "compiled for sm_80 by ${NVCC}, not run")
endif()
