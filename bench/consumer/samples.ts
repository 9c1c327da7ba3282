import { performance } from 'node:perf_hooks'

/** What a process had done at a moment. */
export interface Sample {
  /** Epoch ms. */
  readonly at: number
  readonly done: number
  /** µs of CPU of the whole process. */
  readonly cpu: number
}

const EVERY_MS = 20

/** Epoch ms, finer than `Date.now()`, and the same in every process of this machine. */
export const epochNow = () => performance.timeOrigin + performance.now()

/**
 * Samples this process many times a second. A busy process samples late, and each sample has its
 * time.
 */
export class Sampler {
  readonly #done: () => number
  readonly #samples: Sample[] = []
  readonly #timer

  constructor(done: () => number) {
    this.#done = done
    this.#note()
    this.#timer = setInterval(() => this.#note(), EVERY_MS)
  }

  stop(): readonly Sample[] {
    clearInterval(this.#timer)
    this.#note()
    return this.#samples
  }

  #note(): void {
    const { user, system } = process.cpuUsage()
    this.#samples.push({ at: epochNow(), done: this.#done(), cpu: user + system })
  }
}

/** Interpolates: between two samples the process is taken to have gone on evenly. */
export function sampleAt(samples: readonly Sample[], at: number): Sample {
  const next = samples.findIndex((sample) => sample.at >= at)
  if (next === 0) return samples[0]!
  if (next < 0) return samples.at(-1)!
  const [a, b] = [samples[next - 1]!, samples[next]!]
  const share = (at - a.at) / (b.at - a.at)
  return { at, done: a.done + (b.done - a.done) * share, cpu: a.cpu + (b.cpu - a.cpu) * share }
}

/** What all processes did in that time, and the CPU it took. */
export function between(all: readonly (readonly Sample[])[], from: number, to: number): Omit<Sample, 'at'> {
  return all.reduce(
    (sum, samples) => {
      const [a, b] = [sampleAt(samples, from), sampleAt(samples, to)]
      return { done: sum.done + b.done - a.done, cpu: sum.cpu + b.cpu - a.cpu }
    },
    { done: 0, cpu: 0 },
  )
}
