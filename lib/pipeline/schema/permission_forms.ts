/**
 * How hosts and variables of permissions are written. Deno refuses other forms when the stage's
 * process starts, which is too late, and reads some as patterns, which no key could hold.
 *
 * @module
 */
import { isVisibleName, visibleName } from "../../base/outside/text.ts";
import type { Permissions } from "../stage.ts";

/** `example.com`, `*.example.com`, `127.0.0.1:8080`, `[::1]:80`. */
export const HOST =
  /^((\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(:([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]))?$/;

/** What {@linkcode HOST} accepts, in words. */
export const HOST_WORDS =
  "a host, or host:port: example.com, 127.0.0.1:8080, [::1]:80; no address with https://, no *";

/** The name of one variable; parentheses are in some of Windows. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_()]*$/;

/** What {@linkcode VARIABLE} accepts, in words. */
export const VARIABLE_WORDS = "the name of one environment variable, no pattern";

/** What a path of `read` has to be. Whoever grants it has to see it, and the system to take it. */
export const PATH_WORDS = "a path without control characters and characters that cannot be seen";

/**
 * What of the permissions that somebody asks for can't be granted, because it has not the form of one or
 * could not be shown as it is: as the end of the sentence "it …"; undefined where all can.
 */
export function formMistake({ net = [], env = [], read = [] }: Permissions): string | undefined {
  for (const host of net) {
    if (!HOST.test(host)) return `asks for net "${visibleName(host)}", which is not ${HOST_WORDS}`;
  }
  for (const name of env) {
    if (!VARIABLE.test(name)) {
      return `asks for env "${visibleName(name)}", which is not ${VARIABLE_WORDS}`;
    }
  }
  for (const path of read) {
    if (!isVisibleName(path)) {
      return `asks for read "${visibleName(path)}", which is not ${PATH_WORDS}`;
    }
  }
  return undefined;
}

/** Permissions with every name as a person has to see it who decides about them. */
export function shownPermissions({ net, env, read, ffi }: Permissions): Permissions {
  return {
    ...(net === undefined ? {} : { net: net.map(visibleName) }),
    ...(env === undefined ? {} : { env: env.map(visibleName) }),
    ...(read === undefined ? {} : { read: read.map(visibleName) }),
    ...(ffi === undefined ? {} : { ffi }),
  };
}
