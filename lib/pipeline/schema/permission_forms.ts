/**
 * How hosts and variables of permissions are written. Deno refuses other forms when the stage's
 * process starts, which is too late, and reads some as patterns, which no key could hold.
 *
 * @module
 */

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
