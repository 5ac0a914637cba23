/* SPDX-License-Identifier: Apache-2.0 */
/* A password from a person or a pipe; never from argv, which every user of the machine can read. */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "cli.h"

/* One line of standard input, or typed twice without echo. Caller frees with free_secretp(). */
enum cli_status password_read(const struct cli *cli, bool from_stdin, char **ret);

#endif
