#include <fovea/cli/command_main.h>

int main(int argc, char** argv) { return fovea::command_main(argc, argv); }
