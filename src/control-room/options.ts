import { guarded } from '../common/callback.js'
import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { errorLog } from '../http/error-log.js'
import { checkFunction } from '../http/options.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import { checkId, checkInteger, checkOptions, type Names } from '../validation.js'

/** Who looks at the control room. */
export interface Operator {
  /** `read`: sees everything and changes nothing. */
  role: 'operate' | 'read'
  /** Stands in the operations log: 1 to 256 bytes. */
  name: string
}

/** Options of `controlRoom`. */
export interface ControlRoomOptions {
  engine: Engine
  /**
   * Who sends a request, from your login. A role alone stands for an operator without a name.
   * `undefined`: a stranger, who is answered 401. It is asked with every request.
   */
  authorize: (
    request: Request,
  ) => Operator | Operator['role'] | undefined | Promise<Operator | Operator['role'] | undefined>
  /** Shows refunds due, finds payments, reconciles, and recovers sales. @default none */
  ledger?: PostgresLedger | undefined
  /** Pages that may be live at a time; further ones are answered 503. @default 1_000 */
  maxViewers?: number | undefined
  /**
   * Is told every error that a viewer sees as a fault without its reason.
   * @default writes up to 20 a minute to the standard error stream, and how many it left out
   */
  onError?: ((error: unknown) => void) | undefined
}

const OPTIONS: Names<ControlRoomOptions> = {
  engine: true,
  authorize: true,
  ledger: true,
  maxViewers: true,
  onError: true,
}

export type CheckedOptions = ReturnType<typeof checkControlRoomOptions>

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkControlRoomOptions(given: ControlRoomOptions) {
  const options = checkOptions(given, 'options', OPTIONS) as ControlRoomOptions
  const { engine, authorize, ledger, maxViewers = 1_000, onError = errorLog() } = options
  if (typeof engine?.partition !== 'function')
    throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
  if (ledger !== undefined && typeof ledger?.payments !== 'function')
    throw invalid('ledger', 'must be a ledger: postgresLedger(...)')
  checkFunction(authorize, 'authorize')
  checkFunction(onError, 'onError')
  const most = checkInteger(maxViewers, 'maxViewers', 0, 100_000)
  return { engine, authorize, ledger, maxViewers: most, onError: guarded(onError) }
}

/**
 * Who sends a request. What `authorize` returns comes from the shop: a wrong value is an error of
 * the shop, and opens nothing.
 */
export async function operatorOf(
  { authorize }: Pick<ControlRoomOptions, 'authorize'>,
  request: Request,
): Promise<Operator | undefined> {
  const allowed = await authorize(request)
  if (allowed === undefined || allowed === null) return undefined
  const operator = typeof allowed === 'string' ? { role: allowed, name: NAMELESS[allowed] } : allowed
  const { role, name } = operator
  try {
    if (!Object.hasOwn(NAMELESS, role)) throw invalid('role', "must be 'operate' or 'read'")
    return { role, name: checkId(name, 'name') }
  } catch (error) {
    throw new Error(`authorize must return an operator: ${(error as Error).message}`)
  }
}

const NAMELESS = { operate: 'operator', read: 'viewer' } as const
