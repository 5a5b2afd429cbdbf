/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of verbena-bench. Each takes its own words, argv[0] being its full name, and
 * returns an exit status of options.h. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int command_server(int argc, char **argv);
int command_client(int argc, char **argv);
int command_floor(int argc, char **argv);
/* Of `floor rdma`; built with libibverbs and librdmacm only. */
int command_floor_rdma(int argc, char **argv);
int command_pin(int argc, char **argv);
int command_count(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_ledger(int argc, char **argv);

#endif
