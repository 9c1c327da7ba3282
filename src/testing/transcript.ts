import { StockholdError } from '../errors.js'
import { type Answer, describeAnswer, describeCall, ShortIds, type StoryCall } from './call.js'
import type { Households, Story } from './story.js'

/** The requests and answers of a story, in readable form. */
export class Transcript {
  readonly #names = new ShortIds()
  readonly #head: string
  readonly #groups: string[][] = []

  constructor({ stock, limit, households, returnsTo = {} }: Story) {
    const units = Object.entries(stock).map(([sku, count]) => `${count} ${sku}`)
    const most = limit === undefined ? 'no limit' : `at most ${limit} of each for one buyer`
    const returns = Object.entries(returnsTo).map(([sku, to]) => `, where ${sku} comes back as ${to}`)
    this.#head = `a sale of ${units.join(' and ')}${returns.join('')}, ${most}${homes(households)}`
    this.nextGroup()
  }

  /** Starts a group: the requests that follow are sent together, after all before. */
  nextGroup(): void {
    this.#groups.push([])
  }

  line(what: string): void {
    this.#groups.at(-1)!.push(`  ${what}`)
  }

  answer(call: StoryCall, answer: Answer): void {
    this.line(`${describeCall(call)}: ${describeAnswer(answer)}`)
  }

  failure(call: StoryCall, error: unknown): void {
    const what = error instanceof StockholdError ? error.code : String(error)
    this.line(`${describeCall(call)}: failed, ${what}`)
  }

  /** Shortens the ids in a text in the same way. */
  within(message: string): string {
    return this.#names.within(message)
  }

  toString(): string {
    const groups = this.#groups.filter((lines) => lines.length > 0)
    const blocks = groups.flatMap((lines) => [lines.length > 1 ? 'at the same time:' : 'then:', ...lines])
    return this.within([this.#head, ...blocks].join('\n'))
  }
}

function homes(households: Households | undefined): string {
  if (!households) return ''
  const named = Object.entries(households.of).map(([buyer, household]) => `${buyer} of ${household}`)
  return `, and ${households.limit} for one household (${named.join(', ')})`
}
