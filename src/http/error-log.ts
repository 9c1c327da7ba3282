const tuning = {
  /** Errors that are written in one span. */
  most: 20,
  /** ms */
  spanMs: 60_000,
}

/**
 * Lets some reports of a span pass, and counts the others: what any client can cause must fill no
 * log.
 */
export class ReportLimit {
  readonly #most: number
  readonly #now: () => number
  #begin = Number.NEGATIVE_INFINITY
  #passed = 0
  #omitted = 0

  /** @param now A clock that never goes back. ms */
  constructor(most: number, now = () => performance.now()) {
    this.#most = most
    this.#now = now
  }

  /** How many reports were left out before this one; `undefined`: this one is left out, too. */
  pass(): number | undefined {
    const now = this.#now()
    if (now - this.#begin >= tuning.spanMs) {
      this.#begin = now
      this.#passed = 0
    }
    if (this.#passed === this.#most) {
      this.#omitted++
      return undefined
    }
    this.#passed++
    const omitted = this.#omitted
    this.#omitted = 0
    return omitted
  }
}

/** A webhook that was rejected: by `verify` of the shop, with the error in `cause`. */
export class WebhookRejected extends Error {
  override readonly name = 'WebhookRejected'

  /** @param omitted Rejections before this one that were not reported. */
  constructor(cause: unknown, omitted: number) {
    const others = omitted > 0 ? ` Before it, ${omitted} others were rejected and not reported.` : ''
    super(`A webhook was rejected: ${oneLine(String(cause))}${others}`, { cause })
  }
}

/**
 * What becomes of errors without an `onError`: the standard error stream has some of a minute.
 * A rejected webhook, of which the routes report one a minute, is always written: errors hide it as
 * little as it hides them.
 */
export function errorLog(): (error: unknown) => void {
  const limit = new ReportLimit(tuning.most)
  return (error) => {
    if (error instanceof WebhookRejected) return console.error('stockhold:', error.message)
    const omitted = limit.pass()
    if (omitted === undefined) return
    if (omitted > 0) console.error(`stockhold: before the next error, ${omitted} more were not written.`)
    console.error('stockhold:', error)
  }
}

/** A message may repeat what a stranger has sent. */
function oneLine(text: string): string {
  return text.slice(0, 300).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}
