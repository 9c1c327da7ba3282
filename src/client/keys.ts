import type { Page } from './page.js'

/**
 * The key of the cart whose outcome is not known. It outlives a reload, and all tabs of the browser
 * share it: however often the buyer presses, there is one reservation until the outcome is known.
 */
export class PendingKey {
  readonly #page: Page
  readonly #name: string
  /** Where the browser keeps nothing. */
  #own: string | null = null

  constructor(page: Page, url: string) {
    this.#page = page
    this.#name = `stockhold-key:${url}`
  }

  /** The key of this cart: the one whose outcome is not known, else a new one. */
  of(cart: string): string {
    const [known, key] = (this.#read() ?? '').split('\n', 2) as [string, string?]
    if (key === cart) return known
    const fresh = this.#page.crypto.getRandomValues(new Uint32Array(4)).join('-')
    this.#write(`${fresh}\n${cart}`)
    return fresh
  }

  /** The outcome is known. */
  forget(key: string): void {
    if (this.#read()?.startsWith(`${key}\n`)) this.#write(null)
  }

  #read(): string | null {
    try {
      return this.#page.localStorage!.getItem(this.#name)
    } catch {
      return this.#own
    }
  }

  #write(value: string | null): void {
    this.#own = value
    try {
      if (value === null) this.#page.localStorage!.removeItem(this.#name)
      else this.#page.localStorage!.setItem(this.#name, value)
    } catch {}
  }
}
