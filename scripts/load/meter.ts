import { performance } from 'node:perf_hooks'
import { Router } from '../../src/http/router.js'
import { ROUTES } from '../../src/http/routes.js'
import { Histogram } from '../lib/load/histogram.js'
import { Recorder } from '../lib/load/recorder.js'

/** The requests of one route. */
export interface RouteCount {
  readonly latency: Histogram
  /** By status; 0 for a request without an answer. */
  readonly statuses: Map<number, number>
}

const INTERVAL_MS = 1_000

/** Times every request, and notices when the shop answers no more. */
export class Meter {
  readonly routes = new Map<string, RouteCount>()
  /** All requests by the second in which they were answered. */
  readonly recorder = new Recorder(INTERVAL_MS)
  /** Of all requests. */
  readonly latency = new Histogram()
  /** Requests without an answer, and those that were answered with a fault. */
  faults = 0
  #open = 0
  /** Since when requests have been sent of which none was answered. */
  #silentSince: number | undefined

  /** For how long the shop has owed an answer, in ms. */
  get silentMs(): number {
    return this.#silentSince === undefined ? 0 : performance.now() - this.#silentSince
  }

  /**
   * @param name The method and the path, as {@link routeOf} has it.
   * @param signal Aborts when the visitor gives the request up, which is no fault of the shop.
   */
  async time<A extends { readonly status: number }>(
    name: string,
    send: () => Promise<A>,
    signal: AbortSignal | null,
  ): Promise<A> {
    const start = performance.now()
    this.#open++
    this.#silentSince ??= start
    try {
      const response = await send()
      this.#count(name, response.status, start)
      this.#silentSince = this.#open > 1 ? performance.now() : undefined
      return response
    } catch (error) {
      if (!signal?.aborted) this.#count(name, 0, start)
      throw error
    } finally {
      this.#open--
      // The shop owes nothing to a visitor who has left; it does after a fault.
      if (signal?.aborted && this.#open === 0) this.#silentSince = undefined
    }
  }

  #count(name: string, status: number, start: number): void {
    const end = performance.now()
    const count = this.routes.get(name) ?? { latency: new Histogram(), statuses: new Map() }
    this.routes.set(name, count)
    count.latency.add(end - start)
    count.statuses.set(status, (count.statuses.get(status) ?? 0) + 1)
    const isFault = status === 0 || status >= 500
    if (isFault) this.faults++
    this.latency.add(end - start)
    this.recorder.add(isFault ? 'failed' : status >= 400 ? 'refused' : 'accepted', start, end)
  }
}

/** Such as `GET /reservations/:id`; `path` is without the place where the routes are mounted. */
export function routeOf(method: string, path: string): string {
  const name = router.find(path)?.routes.get(method)
  return `${method} ${name === undefined ? path : ROUTES[name].path}`
}

const router = new Router(() => true)
