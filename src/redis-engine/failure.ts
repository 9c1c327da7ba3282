import { driverMessage } from '../common/driver-error.js'
import type { Effect } from '../engine/effects.js'
import { unknownOutcome } from '../engine/unknown-outcome.js'
import { internal, StockholdError, unavailable } from '../errors.js'

/** The error codes with which Redis refuses a script before it runs: nothing was executed. */
const hints: Record<string, string> = {
  ASK: 'the slot is being moved',
  BUSY: 'another script has been running for too long',
  CLUSTERDOWN: 'the cluster has no master for this slot',
  CROSSSLOT: 'the keys of one partition are spread over slots',
  LOADING: 'Redis is still loading its data',
  MASTERDOWN: 'the replica has lost its master',
  MISCONF: 'Redis cannot persist and refuses to write',
  MOVED: 'the slot has moved to another node',
  NOAUTH: 'it asks for a password, and the client has none',
  NOPERM: 'the user may not touch these keys: allow all that begin with the prefix, ~{stockhold:*',
  NOREPLICAS: 'too few replicas are connected',
  NOSCRIPT: 'the script is not known',
  OOM: 'Redis has reached maxmemory: raise it; release, confirm and expiry go on',
  READONLY: 'this is a replica: point the client at the master',
  TRYAGAIN: 'the slot is being moved',
  WRONGPASS: 'the user name or the password is wrong',
}

const RIGHTS = 'src/redis-engine/README.md of this package lists the rights that are needed'

/** Refusals that repeat until the server or the client is changed. */
const lasting: ReadonlySet<string> = new Set(['NOAUTH', 'NOPERM', 'WRONGPASS'])

/** Codes of Node and OpenSSL for an untrusted certificate. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|UNKNOWN_CA/
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/

/**
 * The error code of a reply of Redis, or `undefined` for a failure of the driver or the network.
 */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  if (isRefusedInside(error)) return 'NOPERM'
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
}

/**
 * Whether a script was ended by a command in it that the user may not run. Redis 7.0 does not say
 * which command.
 */
export function isRefusedInside(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^ERR (ACL failure in script|The user executing the script can't)/.test(error.message)
  )
}

/**
 * Converts the failure of a call to the error for its callers.
 *
 * @param effect The effect of the command; `none` if it did not access any data.
 * @param resent Whether the driver may have sent it twice: then a refusal applies to the second
 *   time only.
 */
export function failure(error: unknown, effect: Effect | 'none' = 'writes', resent = false): StockholdError {
  if (error instanceof StockholdError) return error
  if (isOurs(error)) return internal('run a script', error)
  const code = replyCode(error)
  const cause = stripped(error)
  if (code === 'WRONGTYPE') {
    return new StockholdError('STATE_LOST', 'a key of the sale holds something else: its state is lost', {
      cause,
    })
  }
  if (effect === 'none' || (!resent && (refusalOf(error) !== undefined || isNeverWritten(error))))
    return unreachable(error)
  const what = code === undefined || resent ? 'The connection failed' : `The script failed (${code})`
  return unknownOutcome(`${what} before the answer came`, effect, cause)
}

/**
 * The error for a call of which nothing was executed, with its cause.
 *
 * @param hint A likely reason.
 */
export function unreachable(error: unknown, hint = ''): StockholdError {
  const refusal = refusalOf(error)
  const what = refusal ? `Redis refused: ${refusal}` : `Redis cannot be reached: ${reasonOf(error)}${hint}`
  return unavailable(`${what}. Nothing was executed.`, stripped(error), { retryable: !isLasting(error) })
}

/** The error for a script that needs a command the user may not run; nothing was written. */
export function denied(command: string): StockholdError {
  return unavailable(
    `Redis refused: the user may not run ${command}, or not on keys of the prefix (NOPERM): ${RIGHTS}. Nothing was executed.`,
    new Error(`NOPERM: ${command}`),
    { retryable: false },
  )
}

/** Whether it fails again and again until the server or the client is changed. */
export function isLasting(error: unknown): boolean {
  const code = codeOf(error)
  return (
    lasting.has(replyCode(error) ?? '') ||
    unknownCommand(error) !== undefined ||
    UNTRUSTED.test(code) ||
    NOT_TLS.test(code)
  )
}

/** Whether the error is a programming error: neither a server nor a network fails like this. */
function isOurs(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind)
}

/** Why Redis refused, if it did so before anything was executed. */
function refusalOf(error: unknown): string | undefined {
  const unknown = unknownCommand(error)
  if (unknown) return `it has no command ${unknown} (renamed, or a proxy that does not know it)`
  const code = replyCode(error)
  if (code === undefined || hints[code] === undefined) return undefined
  const command =
    code === 'NOPERM' && /permissions to run the '([\w|-]+)'/.exec((error as Error).message)?.[1]
  return `${command ? lackOf(command.replace('|', ' ')) : hints[code]} (${code})`
}

function lackOf(command: string): string {
  return `the user may not run ${command.toUpperCase()}: ${RIGHTS}`
}

/** The command name that Redis echoes is one of the library's: no other commands are sent here. */
function unknownCommand(error: unknown): string | undefined {
  if (replyCode(error) !== 'ERR') return undefined
  return /^ERR unknown command ['`]?([\w|-]+)/i.exec((error as Error).message)?.[1]?.toUpperCase()
}

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  const message = stripped(error).message
  if (NOT_TLS.test(code)) return `the server does not speak TLS on this port (${code}): is its URL redis://?`
  if (UNTRUSTED.test(code))
    return `the certificate is not accepted: ${message} (${code}). Give the client its CA: tls: { ca }`
  return message
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/**
 * The driver's error without the data it may contain: the script, its arguments (buyers), a
 * password. Redis echoes arguments in some messages, so only the leading code of its replies is
 * kept.
 */
function stripped(cause: unknown): Error {
  if (!(cause instanceof Error)) return new Error('the driver failed')
  const kept = new Error(replyCode(cause) ?? driverMessage(cause))
  kept.name = cause.name
  delete kept.stack
  const code = codeOf(cause)
  return code ? Object.assign(kept, { code }) : kept
}

/**
 * ioredis fails a command without writing it if its offline queue is off and there is no
 * connection.
 */
function isNeverWritten(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}
