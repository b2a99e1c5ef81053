# driver_equals_command.cmake - the model that the driver wrote after 20 steps is, byte for byte, the
# one that `fovea train` writes.
if(NOT EXISTS "${DATA}/train-images-idx3-ubyte.gz")
  message("SKIPPED: ${DATA} is not there (install dataset-fashion-mnist)")
  return()
endif()
file(REMOVE_RECURSE "${WORK}")
execute_process(COMMAND "${COMMAND}" train --preset alexnet-fashion --data "${DATA}" --max-steps 20
                        --out "${WORK}/run" --quiet
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files "${WORK}/run/model.safetensors" "${MODEL}"
  RESULT_VARIABLE differ)
if(differ)
  message(FATAL_ERROR "the driver's weights are not the command's")
endif()
