/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every module stands on: cleanup attributes, logging, clocks, growing text, hex, JSON
 * helpers, the worker pool and the settings. Include this one header.
 *
 * Errors everywhere: 0 (or a count) or -errno. Outputs are named ret_ and untouched on failure.
 */
#ifndef BASE_H
#define BASE_H

#include "base/memory.h"
#include "base/log.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/address.h"
#include "base/settings.h"

#endif
