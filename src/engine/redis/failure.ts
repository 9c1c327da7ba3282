import { StockholdError } from '../../errors.js'

const RIGHTS = 'the user needs EVALSHA, EVAL, INFO, and reading and writing of all keys below the prefix'

/** Leading words of the answers with which Redis refuses a script before it runs: nothing was executed. */
const hints: Record<string, string> = {
  ASK: 'the slot is being moved',
  BUSY: 'another script has been running for too long',
  CLUSTERDOWN: 'the cluster has no master for this slot',
  CROSSSLOT: 'the keys of one partition are spread over slots',
  LOADING: 'Redis is still loading its data',
  MASTERDOWN: 'the replica has lost its master',
  MISCONF: 'Redis cannot persist and refuses to write',
  MOVED: 'the slot has moved to another node',
  NOAUTH: 'the client is not authenticated',
  NOPERM: RIGHTS,
  NOREPLICAS: 'too few replicas are connected',
  NOSCRIPT: 'the script is not known',
  OOM: 'Redis has reached maxmemory: raise it; release, confirm and expiry go on',
  READONLY: 'this is a replica: point the client at the master',
  TRYAGAIN: 'the slot is being moved',
  WRONGPASS: 'the password is wrong',
}

/**
 * The driver's error without what it may carry along: the script, its arguments (buyers), a password. Redis
 * echoes arguments in some messages, so of its answers only the leading code is kept.
 */
function stripped(cause: unknown): Error {
  if (!(cause instanceof Error)) return new Error('the driver failed')
  const { code } = cause as { code?: unknown }
  const kept = new Error(replyCode(cause) ?? withoutSecrets(cause.message))
  kept.name = cause.name
  delete kept.stack
  return typeof code === 'string' ? Object.assign(kept, { code }) : kept
}

function withoutSecrets(message: string): string {
  return message.replace(/\/\/[^@/\s]*@/g, '//').slice(0, 200)
}

/** The leading word of an answer of Redis, or `undefined` for a failure of the driver or the network. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
}

/**
 * What a failed call means to its callers.
 *
 * @param executes Whether what failed could have changed anything.
 * @param resent Whether the driver may have sent it twice: then a refusal speaks of the second time only.
 */
export function failure(error: unknown, executes = true, resent = false): StockholdError {
  if (error instanceof StockholdError) return error
  const code = replyCode(error)
  const options = { cause: stripped(error) }
  if (code === 'WRONGTYPE') {
    return new StockholdError(
      'STATE_LOST',
      'a key of the sale holds something else: its state is lost',
      options,
    )
  }
  if (code !== undefined && hints[code] !== undefined && !resent) {
    return new StockholdError(
      'UNAVAILABLE',
      `Redis refused: ${hints[code]} (${code}). Nothing was executed.`,
      options,
    )
  }
  if (!executes || (neverWritten(error) && !resent)) {
    return new StockholdError('UNAVAILABLE', 'Redis cannot be reached. Nothing was executed.', options)
  }
  const what = code === undefined || resent ? 'The connection failed' : `The script failed (${code})`
  return new StockholdError(
    'UNKNOWN_OUTCOME',
    `${what} before the answer came: it may have been executed. Send the same key, or the same id, again.`,
    options,
  )
}

/** The scripts asked by themselves, and may not write what they must. */
export function denied(): StockholdError {
  return new StockholdError('UNAVAILABLE', `Redis refused: ${RIGHTS} (NOPERM). Nothing was executed.`)
}

/** ioredis fails a command without writing it where its offline queue is off and there is no connection. */
function neverWritten(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}
