import { StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { Shop } from './shop.js'
import type { Story } from './story.js'
import { Transcript } from './transcript.js'

/** An invariant that does not hold. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
  /** The violated invariant, in words. */
  readonly rule: string
  /** The requests and answers until then. */
  readonly transcript: string
  /** The seed of `checkNoOversell` that repeats its stories. */
  readonly seed: number | undefined

  constructor(
    rule: string,
    transcript: string,
    options: { seed?: number | undefined; cause?: unknown } = {},
  ) {
    const { seed, cause } = options
    const head = seed === undefined ? 'The story:' : `Seed ${seed}, smallest story:`
    super(`${rule}\n\n${head}\n${transcript}`, { cause })
    this.rule = rule
    this.transcript = transcript
    this.seed = seed
  }
}

/**
 * Plays a story on a sale that does not exist yet, its steps in turn from each of the handles, and
 * checks after each group of simultaneous requests that the invariants hold: nothing is oversold,
 * no unit is lost or invented, no buyer and no household is over the limit, no buyer is of two
 * households, units that came back as another SKU's are on sale as these only, a changed cart is
 * one that was asked for, the same key does the same once, a confirmed reservation stays confirmed,
 * and a buyer who asks for an available unit gets it.
 *
 * @param sale One or more handles on one sale; the call does not close them.
 * @throws {InvariantViolation} with the broken rule, and the story so far.
 * @throws {StockholdError} if the engine cannot be reached or used, which breaks no rule:
 *   `UNAVAILABLE`, for example.
 */
export async function playStory(sale: readonly FlashSale[], story: Story): Promise<void> {
  const transcript = new Transcript(story)
  const shop = new Shop(sale, story, transcript)
  try {
    await shop.open()
    for (const group of story.groups) await shop.play(group)
    await shop.close()
  } catch (error) {
    if (cannotAsk(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvariantViolation(transcript.within(reason), transcript.toString(), { cause: error })
  }
}

const elsewhere: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'OVERLOADED',
  'UNSAFE_CONFIG',
  'INCOMPATIBLE_VERSION',
  'RULES_CONFLICT',
  'CLOSED',
])

/** Whether the server or the network has failed. A script that fails is an error of the engine. */
function cannotAsk(error: unknown): error is StockholdError {
  if (!(error instanceof StockholdError)) return false
  if (error.code !== 'UNKNOWN_OUTCOME') return elsewhere.has(error.code)
  return !(error.cause instanceof Error && error.cause.name === 'ReplyError')
}
