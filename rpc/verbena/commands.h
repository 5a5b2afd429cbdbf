/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the program `verbena`; each is a main() of its own. */
#ifndef VERBENA_COMMANDS_H
#define VERBENA_COMMANDS_H

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

int command_doctor(int argc, char **argv);

#endif
