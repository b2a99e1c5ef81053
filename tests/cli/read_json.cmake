# read_json.cmake - cmake -DFILE=F -DPATH_IN_IT="layers 0 layer" -P: what stands there in F.
file(READ "${FILE}" text)
separate_arguments(path UNIX_COMMAND "${PATH_IN_IT}")
string(JSON value GET "${text}" ${path})
message("${value}")
