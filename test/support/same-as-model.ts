import fc from 'fast-check'
import { expect } from 'vitest'
import { seeded } from './seeds.js'

/** One call of a data structure, in words that a counterexample prints. */
export interface Operation<T> {
  readonly name: string
  readonly run: (subject: T) => unknown
}

export function operation<T>(name: string, run: (subject: T) => unknown): Operation<T> {
  return { name, run }
}

/** The structure and a model of it that is too naive to be wrong. */
export interface Pair<T> {
  readonly real: T
  readonly model: T
}

class Agreement<T> implements fc.Command<Pair<T>, undefined> {
  readonly #operation: Operation<T>
  readonly #look: (subject: T) => unknown

  constructor(each: Operation<T>, look: (subject: T) => unknown) {
    this.#operation = each
    this.#look = look
  }

  check(): boolean {
    return true
  }

  run({ real, model }: Pair<T>): void {
    const [answer, expected] = [this.#operation.run(real), this.#operation.run(model)]
    // Not an `expect` each: there are a hundred thousand.
    if (!Object.is(answer, expected)) expect(answer, this.#operation.name).toEqual(expected)
    expect(this.#look(real), `after ${this.#operation.name}`).toEqual(this.#look(model))
  }

  toString(): string {
    return this.#operation.name
  }
}

/**
 * Plays random calls on a structure and on its model: every answer must be the same. A
 * counterexample is the shortest list of calls after which they differ.
 *
 * @param look What is compared after every call, beside its answer.
 */
export function sameAsModel<T>(
  start: () => Pair<T>,
  operations: readonly fc.Arbitrary<Operation<T>>[],
  options: { readonly runs?: number; readonly calls?: number; readonly look?: (subject: T) => unknown } = {},
): void {
  const { runs = 100, calls = 80, look = () => undefined } = options
  const commands = operations.map((each) => each.map((one) => new Agreement(one, look)))
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: calls, size: 'max' }), (story) => {
      const pair = start()
      fc.modelRun(() => ({ model: pair, real: undefined }), story)
    }),
    seeded(runs),
  )
}
