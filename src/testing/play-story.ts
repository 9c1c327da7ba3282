import { StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import { Shop } from './shop.js'
import type { Story } from './story.js'
import { Transcript } from './transcript.js'

/** A promise that was not kept. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
  /** Which one, in words. */
  readonly rule: string
  /** What was asked and answered until then. */
  readonly transcript: string
  /** Of `checkNoOversell`: repeats its stories. */
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
 * checks after each group of simultaneous requests what must never break: nothing is oversold, no
 * unit is lost or invented, nobody is over the limit, the same key gives the same reservation, what
 * was confirmed stays so, and who asks for a unit that is there gets it.
 *
 * @param sale Handles on one sale, at least one; `open` ones stay open.
 * @throws {InvariantViolation} that tells which rule, and the story so far.
 * @throws {StockholdError} where the engine cannot be asked, which breaks no rule: `UNAVAILABLE`,
 *   for example.
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

/**
 * The server or the way to it has failed; a script that fails, on the other hand, is the engine's
 * own affair.
 */
function cannotAsk(error: unknown): error is StockholdError {
  if (!(error instanceof StockholdError)) return false
  if (error.code !== 'UNKNOWN_OUTCOME') return elsewhere.has(error.code)
  return !(error.cause instanceof Error && error.cause.name === 'ReplyError')
}
