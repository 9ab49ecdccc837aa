#include "ohmic/cli/command.h"

int main(int argc, char** argv) { return ohmic::run_program(argc, argv); }
