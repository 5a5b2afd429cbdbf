/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that C already has a use for. Static tables, sorted, looked up by bisection.
 */
#ifndef VERBENA_IDL_C_WORDS_H
#define VERBENA_IDL_C_WORDS_H

/*
 * Why `name` cannot stand alone in C or C++: "a keyword of C++", "a macro of <errno.h>"; NULL when
 * it can.
 */
const char *idl_c_word_taken(const char *name);

/*
 * What the system's headers define as `name`, a struct tag or function made of a prefix and a name:
 * "struct file_handle of <fcntl.h>"; NULL when nothing.
 */
const char *idl_c_word_system(const char *name);

#endif
