/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of the language and of the compiler, each with its reason. Those that the language
 * promises are marked "language"; the others only bound the compiler's own work on hostile or
 * generated input.
 */
#ifndef VERBENA_IDL_LIMITS_H
#define VERBENA_IDL_LIMITS_H

/*
 * One file. Ten times the text of 1,000 documented methods; spans are 32-bit offsets with room to
 * spare.
 */
#define IDL_MAX_SOURCE_SIZE (4u << 20)

/*
 * One file with all its imports: bounds memory when a thousand files of the largest size are
 * named.
 */
#define IDL_MAX_TOTAL_SIZE (32u << 20)

/*
 * Language: an identifier. Prefix, type and value joined stay below the 255 characters linkers
 * like.
 */
#define IDL_MAX_NAME 64

/* Language: components of a dotted name; package names are rarely more than three. */
#define IDL_MAX_QNAME_PARTS 8

/* A string token, which is always a path to import: below PATH_MAX with room for the directory. */
#define IDL_MAX_STRING 1024

/*
 * Nesting of types: sequence<sequence<...>> is refused later, but the parser recurses on the way
 * there.
 */
#define IDL_MAX_TYPE_DEPTH 8

/* Structs within structs: layout, comparison and generated code recurse over them. */
#define IDL_MAX_STRUCT_DEPTH 16u

/* Height of an expression tree, so that parser and evaluator may recurse over it. */
#define IDL_MAX_EXPR_DEPTH 64

/* Imports that import: the loader recurses once for each. */
#define IDL_MAX_IMPORT_DEPTH 16

/* Import lines of one file, and files of one program. */
#define IDL_MAX_IMPORTS 256
#define IDL_MAX_FILES	1024

/*
 * Language: parameters of a method. Beyond the registers' six a struct reads better; 32 is
 * generous.
 */
#define IDL_MAX_PARAMS 32

/* Language: fields of a struct; 1024 one-byte fields still fit a default message. */
#define IDL_MAX_FIELDS 1024

/* Language: values of an enum: the whole range of a 16-bit one would be generated text. */
#define IDL_MAX_ITEMS 4096

/*
 * Language: methods of an interface; numbers go up to 65279, the operations table is an array of
 * them.
 */
#define IDL_MAX_METHODS 4096

/* Names in errors(...): more than the table of names has. */
#define IDL_MAX_ERRORS 160

/* Ranges in one `reserved` line. */
#define IDL_MAX_RANGES 256

/* Language: array sizes and method numbers. The top 256 numbers belong to the runtime. */
#define IDL_MIN_ARRAY_SIZE    1
#define IDL_MAX_ARRAY_SIZE    65535
#define IDL_MIN_METHOD_NUMBER 1
#define IDL_MAX_METHOD_NUMBER 65279

/* Language: 16 bits each on the wire. */
#define IDL_MAX_VERSION 65535

/* Language: a deadline, in microseconds: 32 bits on the wire, the last value means "longer". */
#define IDL_MIN_DEADLINE_US 1ull
#define IDL_MAX_DEADLINE_US 4294000000ull

/*
 * Language: N of string<N>, bytes<N> and sequence<T, N>: what the largest transfer can move. What
 * must fit a message is bounded by that, but N may be generous.
 */
#define IDL_MAX_BOUND (1u << 30)

/* Language: buffers of one method; the stubs keep an array of them in each call. */
#define IDL_MAX_BUFFERS 8

/*
 * Language: the rules of an interface. A message is at most what every transport takes; a transfer
 * at most 16 bulk records of 64 MiB; a window of requests less than half of 16 bits, so that
 * credits compare.
 */
#define IDL_DEFAULT_DEADLINE_US	 10000000ull
#define IDL_DEFAULT_MAX_MESSAGE	 (8u << 10)
#define IDL_MIN_MAX_MESSAGE	 64u
#define IDL_MAX_MAX_MESSAGE	 (64u << 10)
#define IDL_DEFAULT_MAX_INLINE	 (4u << 10)
#define IDL_DEFAULT_MAX_TRANSFER (64u << 20)
#define IDL_MAX_MAX_TRANSFER	 (1u << 30)
#define IDL_MAX_INFLIGHT	 32767u

/*
 * Diagnostics shown by one run; more would scroll the first, usually the cause of the rest, away.
 */
#define IDL_MAX_DIAGNOSTICS 20

/* A source line shown under a diagnostic is cut at this many columns. */
#define IDL_MAX_SHOWN_COLUMNS 200

#endif
