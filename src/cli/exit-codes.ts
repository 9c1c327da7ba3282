import { isLost, StockholdError } from '../errors.js'
import { REOPEN } from '../operations/recovery-advice.js'
import type { ShownRoom, ShownSale } from '../operations/results.js'
import { MissingDependencyError } from '../testing/fast-check.js'
import { asTyped, BadUsage, type Command } from './command.js'
import { NotUsable } from './connection.js'

export const DONE = 0
export const NO = 1
export const NOT_STARTED = 2
const REFUSED = 3
export const UNKNOWN = 4
/** The exit code that shells use for an interrupted program. */
export const INTERRUPTED = 130

export const EXIT_CODES: Readonly<Record<number, string>> = {
  [DONE]: 'done',
  [NO]: 'the answer is no: a check has found a fault, what is shown is frozen or lost, nothing was found, no unit was there to be moved or removed, the sale stays as it was',
  [NOT_STARTED]: 'a mistake in the command line, or Redis cannot be reached or must not be used as it is',
  [REFUSED]: 'refused: nothing, or only what the message says, was done',
  [UNKNOWN]: 'the outcome is unknown: repeat the command, with the key that it has printed',
  [INTERRUPTED]: 'interrupted',
}

/** What an operator does about a sale that is frozen or lost. */
const recoverIt = (id: string) =>
  `Recover it: npx stockhold recover ${id} --wait-for N, where N processes sell, and --postgres URL if there is a ledger.`

/** What an operator does about what is shown; `undefined`: it is neither frozen nor lost. */
export function remedyOf({ kind, id, state }: ShownSale | ShownRoom): string | undefined {
  if (state !== 'frozen' && state !== 'lost') return undefined
  return kind === 'sale' ? recoverIt(id) : REOPEN
}

const ADVICE: Partial<Record<string, string>> = {
  NOT_FOUND: 'See what there is: npx stockhold list',
  INCOMPATIBLE_VERSION: 'Use the version of stockhold that your servers run.',
  IDEMPOTENCY_CONFLICT: 'Give another --key for another request.',
  UNAVAILABLE: 'Repeat the command when the server can be reached.',
}

/** An error as the program tells it. */
export interface Told {
  readonly key?: string | undefined
  readonly exitCode: number
  readonly code: string
  readonly message: string
  readonly advice: string | undefined
}

/** An error of which the command knows more: the key to repeat it with, or what to do. */
export class AdvisedError extends Error {
  readonly key: string | undefined
  readonly advice: string | undefined

  constructor(
    readonly error: unknown,
    { key, advice }: { readonly key?: string; readonly advice?: string },
  ) {
    super('see error')
    this.key = key
    this.advice = advice
  }
}

const NONE = { key: undefined, advice: undefined }

/**
 * `undefined`: the error is none that the program expects.
 *
 * @param command What was asked for, if it is a command.
 * @param target What it is about.
 */
export function tell(thrown: unknown, command?: Command, target = 'SALE'): Told | undefined {
  const { error, key, advice: own } = thrown instanceof AdvisedError ? thrown : { ...NONE, error: thrown }
  if (error instanceof BadUsage)
    return {
      exitCode: NOT_STARTED,
      code: 'USAGE',
      message: sentence(error.message),
      advice: tryHelp(command),
    }
  if (error instanceof NotUsable || error instanceof MissingDependencyError)
    return { exitCode: NOT_STARTED, code: 'NOT_USABLE', message: sentence(error.message), advice: undefined }
  if (!(error instanceof StockholdError)) return undefined
  const { code, cause } = error
  const message = command && code === 'INVALID_ARGUMENT' ? asTyped(error.message, command) : error.message
  const why = code === 'UNAVAILABLE' && cause instanceof Error ? ` (${cause.message})` : ''
  const mended = code === 'INVALID_ARGUMENT' ? mend(message, command, target) : undefined
  const advice = own ?? adviceOn(error, key, target) ?? mended
  return { exitCode: exitCodeOf(code), code, message: sentence(message + why), advice, key }
}

/** Messages of the library and of options have no full stop where they are one clause. */
function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`
}

function exitCodeOf(code: StockholdError['code']): number {
  if (code === 'UNKNOWN_OUTCOME') return UNKNOWN
  return ['INVALID_ARGUMENT', 'UNAVAILABLE', 'UNSAFE_CONFIG'].includes(code) ? NOT_STARTED : REFUSED
}

function adviceOn(error: StockholdError, key: string | undefined, target: string): string | undefined {
  const { code, message } = error
  if (code === 'STATE_LOST' && message.includes('the waiting room ')) return REOPEN
  if (isLost(error)) return recoverIt(saleIn(message) ?? target)
  if (code !== 'UNKNOWN_OUTCOME') return ADVICE[code]
  return `Repeat the command${key === undefined ? '' : ` with --key ${key}`}: what was done is not done twice.`
}

/** The sale that a message names: of a waiting room, it may be another than what was asked for. */
function saleIn(message: string): string | undefined {
  const [, quoted] = /the sale ("(?:[^"\\]|\\.)*")/.exec(message) ?? []
  return quoted === undefined ? undefined : JSON.parse(quoted)
}

/** How a mistake in the arguments is mended. */
function mend(message: string, command: Command | undefined, target: string): string {
  if (/unknown SKU/.test(message)) return `See the SKUs of the sale: npx stockhold show ${target}`
  if (/needs a ledger|--postgres must be given/.test(message))
    return "Give the ledger's database: --postgres URL, or POSTGRES_URL in the environment."
  return tryHelp(command)
}

const tryHelp = (command: Command | undefined) =>
  `Try: npx stockhold ${command === undefined ? '' : `${command.name} `}--help`
