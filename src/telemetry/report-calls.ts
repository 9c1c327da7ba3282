import { isThenable } from '../common/callback.js'
import type { Clock } from '../engine/clock.js'
import { StockholdError } from '../errors.js'
import type { HandleCounts } from './call-counts.js'
import { callChannel } from './channels.js'
import type { CallMessage } from './messages.js'
import { isOwn, isTold, type OpenCall, runFor } from './open-calls.js'

/** Whose method is called. */
export interface CallSubject extends Pick<CallMessage, 'sale' | 'room' | 'group'> {
  readonly clock: Clock
  /** The partition of a command, by its first argument, as far as the handle knows. */
  readonly partitionOf?: (command: string, argument: unknown) => number | null
}

type Method = (this: object, ...args: unknown[]) => unknown

/**
 * Reports every call of every method of a class on `stockhold:call`, the inherited ones too, and
 * counts it for the heartbeat. While there is no subscriber, no message is made.
 *
 * @param countsOf The counts of a handle's engine; `undefined`: its calls are not counted.
 * @param except Methods that are no commands: they make no request, or return an iterator.
 */
export function reportCalls<H extends object>(
  type: { readonly prototype: H },
  subjectOf: (handle: H) => CallSubject,
  countsOf: (handle: H) => HandleCounts | undefined,
  except: readonly string[],
): void {
  const isCommand = (name: string) => name !== 'constructor' && !except.includes(name)
  for (const [command, method] of methodsOf(type.prototype)) {
    if (!isCommand(command)) continue
    // No method has more parameters. An array of them would be made for each call.
    const reporting = function (this: H, first: unknown, second: unknown, third: unknown): unknown {
      const counts = isOwn() ? undefined : countsOf(this)
      if (!isTold())
        return counts
          ? counted(counts, command, method, this, first, second, third)
          : method.call(this, first, second, third)
      const run = () =>
        counts
          ? counted(counts, command, method, this, first, second, third)
          : method.call(this, first, second, third)
      return report(command, subjectOf(this), [first, second, third], run)
    }
    Object.defineProperty(reporting, 'name', { value: command })
    Object.defineProperty(type.prototype, command, { value: reporting, writable: true, configurable: true })
  }
}

/** By name, those of the class itself before inherited ones. */
function methodsOf(prototype: object): Map<string, Method> {
  const methods = new Map<string, Method>()
  for (let type = prototype; type !== Object.prototype; type = Object.getPrototypeOf(type))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type)))
      if (typeof value === 'function' && !methods.has(name)) methods.set(name, value)
  return methods
}

/** Calls a method, and counts the call. Its parameters are not in an array, as above. */
function counted(
  { all: counts, sale }: HandleCounts,
  command: string,
  method: Method,
  handle: object,
  first: unknown,
  second: unknown,
  third: unknown,
): unknown {
  const begunAt = counts.clock.now()
  counts.open++
  const fail = (error: unknown) => counts.end(sale, command, codeOf(error, [first, second, third]), begunAt)
  try {
    const result = method.call(handle, first, second, third)
    if (isThenable(result))
      return result.then(
        (value) => {
          counts.end(sale, command, statusOf(command, value), begunAt)
          return value
        },
        (error) => {
          fail(error)
          throw error
        },
      )
    counts.end(sale, command, statusOf(command, result), begunAt)
    return result
  } catch (error) {
    fail(error)
    throw error
  }
}

function report(
  command: string,
  subject: CallSubject,
  args: readonly unknown[],
  run: () => unknown,
): unknown {
  const { sale, room, group, clock, partitionOf } = subject
  const message: OpenCall['message'] = {
    ...{ command, sale, room, group },
    ...{ partition: null, durationMs: null, status: null, replayed: false, fromMemory: false, code: null },
  }
  const call: OpenCall = { message, asked: false, isOver: false }
  const begun = clock.now()
  const end = (): void => {
    call.isOver = true
    message.durationMs = clock.now() - begun
    message.partition = partitionOf?.(command, args[0]) ?? null
  }
  const succeed = <T>(result: T): T => {
    end()
    message.status = statusOf(command, result)
    message.replayed = (result as { replayed?: unknown } | undefined)?.replayed === true
    message.fromMemory = !call.asked
    return result
  }
  const fail = (error: unknown): void => {
    end()
    message.code = codeOf(error, args)
    message.error = error
    callChannel.error.publish(message)
  }
  const over = (): void => {
    callChannel.asyncStart.publish(message)
    callChannel.asyncEnd.publish(message)
  }
  return callChannel.start.runStores(message, () => {
    try {
      const result = runFor([call], run)
      if (!isThenable(result)) return succeed(result)
      return result.then(
        (value) => {
          succeed(value)
          over()
          return value
        },
        (error) => {
          fail(error)
          over()
          throw error
        },
      )
    } catch (error) {
      fail(error)
      throw error
    } finally {
      callChannel.end.publish(message)
    }
  })
}

function statusOf(command: string, result: unknown): string {
  if (typeof result === 'string') return result
  if (result === false || (result === undefined && command === 'get')) return 'not_found'
  if (typeof result !== 'object' || result === null) return 'ok'
  if ('status' in result && typeof result.status === 'string') return result.status
  if ('violations' in result && !(result as { ok?: unknown }).ok) return 'violated'
  const [only, ...others] = Object.entries(result)
  if (!only || others.length > 0 || typeof only[1] !== 'boolean') return 'ok'
  return only[1] ? only[0] : `not_${only[0]}`
}

function codeOf(error: unknown, args: readonly unknown[]): NonNullable<CallMessage['code']> {
  if (error instanceof StockholdError) return error.code
  const isReason = (argument: unknown) => {
    const { signal } = (argument ?? {}) as { signal?: AbortSignal }
    return signal?.aborted === true && signal.reason === error
  }
  return args.some(isReason) ? 'ABORTED' : 'OTHER'
}
